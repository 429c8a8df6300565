import { render } from 'preact';
import { hasSession, openSession } from './api';
import { App } from './app';
import { isAway } from './live';
import { session } from './load';
import { applyPrefs } from './prefs';
import { followAddress } from './route';
import './style.css';

async function enter(code: string): Promise<void> {
  session.value = 'opening';
  try {
    await openSession(code);
    session.value = 'open';
  } catch (error) {
    // An old session may still be good, and a code that could not be sent was not refused.
    session.value = hasSession() ? 'open' : isAway(error) ? 'none' : 'refused';
  }
}

applyPrefs(document.documentElement);
session.value = hasSession() ? 'open' : 'none';
followAddress((code) => void enter(code));
const root = document.getElementById('app');
if (root) render(<App />, root);
