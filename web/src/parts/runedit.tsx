/** What a person may change of a run: its tags and note; and its removal. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Refused, deleteRun, editRun, sessionEnded } from '../api';
import { session } from '../load';
import { RUNS, go } from '../route';
import { refusalText, t } from '../speech';
import type { Run } from '../wire';

/** Blanks and commas separate; a leading @ or # is a way of speaking; each tag once. */
export function parseTags(text: string): string[] {
  const tags = text.split(/[\s,]+/).map((tag) => tag.replace(/^[@#]/, ''));
  return [...new Set(tags.filter((tag) => tag !== ''))];
}

function messageOf(error: unknown): string {
  if (sessionEnded(error)) session.value = 'none';
  if (error instanceof Refused) return refusalText(error).text;
  return error instanceof Error ? error.message : String(error);
}

export function LabelEditor({ run, onChange }: { run: Run; onChange: () => void }) {
  const [editing, setEditing] = useState(false);
  const [failure, setFailure] = useState('');
  const [saved, setSaved] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const tags = useRef<HTMLInputElement>(null);
  const note = useRef<HTMLTextAreaElement>(null);
  const wasEditing = useRef(false);

  useEffect(() => {
    if (editing) tags.current?.focus();
    else if (wasEditing.current) button.current?.focus();
    wasEditing.current = editing;
  }, [editing]);

  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const edit = { tags: parseTags(tags.current?.value ?? ''), note: (note.current?.value ?? '').trim() };
      await editRun(run.id, edit);
      onChange();
      setFailure('');
      setSaved(true);
      setEditing(false);
    } catch (error) {
      setFailure(messageOf(error));
    }
  };

  if (!editing) {
    return (
      <div class="labels">
        {run.tags.length === 0 && run.note === null && <span class="dim">{t('run.no_label')}</span>}
        {run.tags.map((tag) => (
          <span class="tag" key={tag}>
            {tag}
          </span>
        ))}
        {run.note !== null && <p class="note">{run.note}</p>}
        <button
          ref={button}
          type="button"
          class="quiet"
          onClick={() => {
            setSaved(false);
            setEditing(true);
          }}
        >
          {t('run.edit')}
        </button>
        <span role="status" class="dim">
          {saved ? t('run.saved') : ''}
        </span>
      </div>
    );
  }
  return (
    <form class="label-form" onSubmit={save}>
      <label>
        {t('run.tags')} <small class="dim">{t('run.tags.hint')}</small>
        <input ref={tags} type="text" defaultValue={run.tags.join(' ')} autocomplete="off" spellcheck={false} />
      </label>
      <label>
        {t('run.note')}
        <textarea ref={note} rows={3} defaultValue={run.note ?? ''} />
      </label>
      <div class="actions">
        <button type="submit" class="primary">
          {t('common.save')}
        </button>
        <button type="button" class="quiet" onClick={() => setEditing(false)}>
          {t('common.cancel')}
        </button>
        {failure !== '' && (
          <span role="alert" class="bad">
            {failure}
          </span>
        )}
      </div>
    </form>
  );
}

/** Asks first: what is deleted is gone. */
export function DeleteButton({ run }: { run: Run }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState('');
  const remove = async () => {
    try {
      await deleteRun(run.id);
      dialog.current?.close();
      go(RUNS);
    } catch (error) {
      setFailure(messageOf(error));
    }
  };
  return (
    <>
      <button type="button" class="danger" onClick={() => dialog.current?.showModal()}>
        {t('run.delete')}
      </button>
      <dialog ref={dialog} aria-labelledby="delete-title">
        <h2 id="delete-title">{t('run.delete.title', { id: run.id })}</h2>
        <p>{t('run.delete.text')}</p>
        {failure !== '' && (
          <p role="alert" class="bad">
            {failure}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            {t('common.cancel')}
          </button>
          <button type="button" class="danger" onClick={remove}>
            {t('run.delete')}
          </button>
        </div>
      </dialog>
    </>
  );
}
