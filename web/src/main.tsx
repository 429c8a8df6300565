import { render } from 'preact';
import { hasSession, openSession } from './api';
import { App } from './app';
import { isAway } from './live';
import { session } from './load';
import { applyPrefs } from './prefs';
import { followAddress, takeInvitation } from './route';
import './style.css';

async function enter(): Promise<void> {
  const invitation = takeInvitation();
  followAddress();
  if (invitation === null) {
    session.value = hasSession() ? 'open' : 'none';
    return;
  }
  try {
    await openSession(invitation.code);
    session.value = 'open';
  } catch (error) {
    // An old session may still be good, and a code that could not be sent was not refused.
    session.value = hasSession() ? 'open' : isAway(error) ? 'none' : 'refused';
  }
}

applyPrefs(document.documentElement);
const root = document.getElementById('app');
if (root) {
  void enter();
  render(<App />, root);
}
