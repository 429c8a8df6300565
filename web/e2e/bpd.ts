/** A real bpd of a test's own, and the real `bpctl` to record with. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Run, Status } from '../src/wire';

const BIN_DIR = process.env['BP_BIN_DIR'] ?? new URL('../../target/debug', import.meta.url).pathname;
const PROTOCOL = 1;
const KIND = { ask: 1, done: 4, failed: 5 } as const;
const DEADLINE_MS = 20_000;
const LOOK_EVERY_MS = 20;

function program(name: string): string {
  const path = join(BIN_DIR, name);
  if (!existsSync(path)) throw new Error(`${path} is not there; build it with \`cargo build\`, or set BP_BIN_DIR`);
  return path;
}

/** Looks until `look` gives something; the last failure is told when the time is up. */
async function until<T>(what: string, look: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${what} within ${DEADLINE_MS} ms`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}

function frame(kind: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.write('bp');
  header[2] = PROTOCOL;
  header[3] = kind;
  header.writeUInt32LE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** One question over the local socket, as `bpctl` asks it. */
function ask<T>(socket: string, request: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const stream = connect(socket, () => stream.write(frame(KIND.ask, Buffer.from(JSON.stringify(request)))));
    let held = Buffer.alloc(0);
    const parts: Buffer[] = [];
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('bpd closed the connection')));
    stream.on('data', (bytes) => {
      held = Buffer.concat([held, bytes]);
      while (held.length >= 8) {
        const length = held.readUInt32LE(4);
        if (held.length < 8 + length) return;
        const kind = held[3];
        parts.push(held.subarray(8, 8 + length));
        held = held.subarray(8 + length);
        if (kind !== KIND.done && kind !== KIND.failed) continue;
        const text = Buffer.concat(parts).toString();
        if (kind === KIND.done) resolve(JSON.parse(text) as T);
        else reject(new Error(text));
        stream.end();
      }
    });
  });
}

export class Bpd {
  private child: ChildProcess | null = null;
  private readonly shells: ChildProcess[] = [];
  private constructor(
    readonly home: string,
    private address: string | null,
  ) {}

  /** `config` = the text of config.toml. */
  static async start(config = ''): Promise<Bpd> {
    // A socket's path must fit into 107 bytes, so not the test's own long directory.
    const bpd = new Bpd(await mkdtemp('/tmp/bpw-'), null);
    await writeFile(join(bpd.home, 'config.toml'), config);
    await bpd.up();
    return bpd;
  }

  private get environment(): NodeJS.ProcessEnv {
    const { BP_HTTP: _, BP_RUN: __, ...rest } = process.env;
    return { ...rest, BP_HOME: this.home, BP_LANG: 'en', ...(this.address ? { BP_HTTP: this.address } : {}) };
  }

  private get socket(): string {
    return join(this.home, 'run/bpd.sock');
  }

  /** Starts bpd, after `down` at the same address. */
  async up(): Promise<void> {
    this.child = spawn(program('bpd'), [], { env: this.environment, stdio: 'ignore' });
    const status = await until('bpd answers', () => ask<Status>(this.socket, { ask: 'status' }));
    this.address = status.http.address;
  }

  /** Ends bpd as a shutdown would. */
  async down(): Promise<void> {
    const { child } = this;
    if (!child) return;
    this.child = null;
    if (child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  async end(): Promise<void> {
    // A terminal that is closed ends its shell, with its jobs.
    for (const shell of this.shells) shell.kill('SIGHUP');
    await this.down();
    await rm(this.home, { recursive: true, force: true });
  }

  get origin(): string {
    if (!this.address) throw new Error('bpd has not been started');
    return `http://${this.address}`;
  }

  /** The address at which a page gets in, as `bpctl open` makes it. */
  async invitation(view?: string): Promise<string> {
    const { code } = await ask<{ code: string }>(this.socket, { ask: 'open_code' });
    return `${this.origin}/#code=${code}${view ? `&to=${encodeURIComponent(view)}` : ''}`;
  }

  /** Runs a command under `bpctl run`, to its end. Its own exit code is no failure. */
  async record(...command: string[]): Promise<Run> {
    const [before] = await this.runs();
    await promisify(execFile)(program('bpctl'), ['run', '--quiet', '--', ...command], {
      env: this.environment,
    }).catch((error: { code?: unknown }) => {
      if (typeof error.code !== 'number' || error.code >= 125) throw error;
    });
    // It hands its end over and goes.
    return until(`bpd has recorded ${command.join(' ')}`, async () => {
      const [newest] = await this.runs();
      if (newest && newest.id !== before?.id && newest.state === 'finished') return newest;
      throw new Error(`the newest run is ${JSON.stringify(newest)}`);
    });
  }

  /** What somebody else does at a terminal. */
  async bpctl(...words: string[]): Promise<void> {
    await promisify(execFile)(program('bpctl'), words, { env: this.environment });
  }

  /** Begins a command under `bpctl run`; it ends when `release` is called. */
  begin(): { release: () => Promise<void> } {
    const child = spawn(program('bpctl'), ['run', '--quiet', '--', 'cat'], {
      env: this.environment,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    return {
      release: () => {
        child.stdin.end();
        return ended;
      },
    };
  }

  /**
   * Begins a command that keeps one core busy; it ends when `release` is called, with this bpd's directory, or with
   * this process, however that ends.
   */
  async burn(actor = 'human'): Promise<{ release: () => Promise<void> }> {
    const fuel = join(this.home, `fuel-${actor.replace(':', '-')}`);
    await writeFile(fuel, '');
    const script = `while [ -e ${fuel} ] && kill -0 ${process.pid}; do :; done`;
    const child = spawn(program('bpctl'), ['run', '--quiet', '--', 'sh', '-c', script], {
      env: { ...this.environment, BP_ACTOR: actor },
      stdio: 'ignore',
    });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    return {
      release: async () => {
        await rm(fuel);
        await ended;
      },
    };
  }

  private async http(method: string, path: string, body?: unknown): Promise<unknown> {
    const token = (await readFile(join(this.home, 'data/token'), 'utf8')).trim();
    const answer = await fetch(this.origin + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /** A run posted with a curve, as a client of the API sends it. Gives its id. */
  async post(
    command: string,
    curve: ReadonlyArray<readonly [cpu: number, rss: number]>,
    exit_code = 0,
    actor = 'human',
  ): Promise<number> {
    const { id } = (await this.http('POST', '/runs', { command, actor })) as { id: number };
    const samples = curve.map(([cpu_percent, rss_mb], index) => ({ ts: 1_714_980_000 + index, cpu_percent, rss_mb }));
    if (samples.length > 0) await this.http('POST', `/runs/${id}/samples`, samples);
    await this.http('PATCH', `/runs/${id}/finish`, { exit_code });
    return id;
  }

  /** A run posted with its samples as they are. */
  async postPoints(command: string, points: ReadonlyArray<{ ts: number; cpu_percent: number; rss_mb: number }>): Promise<void> {
    const { id } = (await this.http('POST', '/runs', { command })) as { id: number };
    if (points.length > 0) await this.http('POST', `/runs/${id}/samples`, points);
    await this.http('PATCH', `/runs/${id}/finish`, { exit_code: 0 });
  }

  async get(path: string): Promise<unknown> {
    return this.http('GET', path);
  }

  /** A line that a shell whose clock was not set reports: its duration cannot be true, its CPU time can. */
  async implausible(): Promise<void> {
    const shell = 'bash 5.2.15 - - - -';
    const stamp = String(Date.now() * 1000);
    const times = (cpu: string) => `0m0.000s 0m0.000s\n0m${cpu}s 0m0.010s`;
    const records = [
      ['', '1S', shell, stamp, 'x', '/', times('0.000'), 'the clock was not set', ''],
      ['', '1E', shell, stamp, '0', '+1767225600000', times('0.020'), ''],
    ];
    const child = spawn(program('bpctl'), ['event', '--pid', String(process.pid)], {
      env: this.environment,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end(records.map((fields) => fields.join('\0')).join(''));
    await ended;
    await this.until((runs) => runs[0]?.command === 'the clock was not set' && runs[0].state === 'finished');
  }

  /** Waits until the newest runs are as `is` wants them. */
  async until(is: (runs: readonly Run[]) => boolean): Promise<void> {
    await until('runs as expected', async () => {
      const runs = await this.runs();
      if (!is(runs)) throw new Error(JSON.stringify(runs.slice(0, 3)));
    });
  }

  /** What `bpctl` prints. */
  async text(...words: string[]): Promise<string> {
    const options = { env: { ...this.environment, COLUMNS: '160' }, maxBuffer: 64 << 20 };
    return (await promisify(execFile)(program('bpctl'), words, options)).stdout;
  }

  async document<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.text(...words, '--json')) as T;
  }

  /** A bash in a terminal of its own, with the hook; it ends with bpd. */
  async shell(): Promise<Shell> {
    const rc = join(this.home, 'bashrc');
    await writeFile(rc, `HISTCONTROL=ignorespace; PS1='$ '; eval "$(bpctl init bash)"\n`);
    const child = spawn('script', ['-qfc', `bash --rcfile ${rc} -i`, '/dev/null'], {
      cwd: this.home,
      env: { ...this.environment, PATH: `${BIN_DIR}:${process.env['PATH']}`, HOME: this.home, HISTFILE: join(this.home, 'history') },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.shells.push(child);
    return new Shell(this, child);
  }

  async runs(): Promise<Run[]> {
    return (await this.http('GET', '/runs')) as Run[];
  }
}

/** A shell that is typed into. */
export class Shell {
  constructor(
    private readonly bpd: Bpd,
    private readonly child: ChildProcess,
  ) {
    // What nobody reads would fill the pipe.
    child.stdout?.resume();
  }

  async type(text: string): Promise<void> {
    this.child.stdin?.write(text);
  }

  /** Types a line and waits until it is recorded and over, or runs as a job. */
  async line(line: string): Promise<void> {
    const [before] = await this.bpd.runs();
    await this.type(`${line}\n`);
    await this.bpd.until(([newest]) => newest !== undefined && newest.id !== before?.id && newest.state !== 'running');
  }
}
