/** No session: says how to get one. */
import { useState } from 'preact/hooks';
import { openSession } from '../api';
import { isAway } from '../live';
import { session } from '../load';
import { t } from '../speech';
import { Failed, PageTitle, TerminalLine } from '../parts/basics';

export function SignInPage() {
  const [code, setCode] = useState('');
  const [away, setAway] = useState<unknown>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await openSession(code.trim());
      session.value = 'open';
    } catch (error) {
      if (isAway(error)) setAway(() => error);
      else session.value = 'refused';
    }
  };
  return (
    <div class="sign-in">
      <PageTitle title={t('signin.title')} />
      <p>{t('signin.text')}</p>
      <TerminalLine line="bpctl open" />
      <form onSubmit={submit}>
        <label>
          {t('signin.or')}
          <input
            type="text"
            value={code}
            required
            placeholder="K7QM-2XRD-9FHT"
            aria-label={t('signin.code')}
            autocomplete="one-time-code"
            autocapitalize="characters"
            spellcheck={false}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          {t('signin.enter')}
        </button>
      </form>
      {session.value === 'refused' && (
        <p role="alert" class="bad">
          {t('signin.refused')}
        </p>
      )}
      {away !== null && <Failed error={away} retry={() => setAway(null)} />}
    </div>
  );
}
