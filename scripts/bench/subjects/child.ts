import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Env } from '../../../shared/config/env.js';
import { pause } from '../../../shared/process/pause.js';
import { toBeEnded } from '../ends.js';
import { withBelow } from './processes.js';

/** A program that was started for a benchmark. */
export interface Child {
  pid: number;
  /** Kills it, with all it started, and resolves when it is gone. */
  stop(): Promise<void>;
}

/** A program to run. */
export interface ChildSpec {
  command: string;
  args: readonly string[];
  env: Env;
  cwd: string;
}

/** Characters that are kept of the end of standard error. */
const COMPLAINT = 2_000;
const LOOK_EVERY_MS = 50;
/** Longest that a program may take until it serves, in ms. */
const PATIENCE_MS = 120_000;

/**
 * Starts a program that prints a line `ready`, or `ready <number>`, when it has got somewhere; resolves to it and to the
 * number, 0 where there is none. Rejects with its standard error when it ends before.
 */
export async function startReporting(spec: ChildSpec): Promise<{ child: Child; reported: number }> {
  const { spawned, child, complaints } = start(spec);
  const reported = await new Promise<number>((resolve, reject) => {
    createInterface({ input: spawned.stdout }).on('line', (line) => {
      const [word, value] = line.split(' ');
      if (word === 'ready') resolve(Number(value ?? 0));
    });
    spawned.once('error', reject);
    spawned.once('exit', (code, signal) =>
      reject(new Error(`${spec.args.join(' ')} ended (${String(signal ?? code)}):\n${complaints()}`)),
    );
  });
  return { child, reported };
}

/** Starts a program that serves once `answers` resolves to true. Rejects when it ends before, or takes too long. */
export async function startServing(spec: ChildSpec, answers: () => Promise<boolean>): Promise<Child> {
  const { spawned, child, complaints } = start(spec);
  spawned.stdout.resume();
  let hasEnded = false;
  spawned.once('exit', () => {
    hasEnded = true;
  });
  for (const sinceMs = performance.now(); !(await answers()); ) {
    if (performance.now() - sinceMs > PATIENCE_MS) {
      await child.stop();
      throw new Error(
        `${spec.args.join(' ')} does not serve after ${PATIENCE_MS / 1000} s:\n${complaints()}`,
      );
    }
    if (hasEnded) throw new Error(`${spec.command} ended before it served:\n${complaints()}`);
    await pause(LOOK_EVERY_MS);
  }
  return child;
}

type Spawned = ChildProcessByStdio<null, Readable, Readable>;

function start({ command, args, env, cwd }: ChildSpec) {
  const spawned = spawn(command, [...args], {
    env,
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: uvicorn has children that a signal to the first alone would leave behind.
    detached: true,
  });
  let complaints = '';
  spawned.stderr.on('data', (piece: Buffer) => {
    complaints = (complaints + piece.toString()).slice(-COMPLAINT);
  });
  const child: Child = { pid: spawned.pid ?? 0, stop: toBeEnded(() => endGroup(spawned)) };
  return { spawned, child, complaints: () => complaints };
}

async function endGroup(spawned: Spawned): Promise<void> {
  if (spawned.pid === undefined || spawned.exitCode !== null || spawned.signalCode !== null) return;
  const ended = once(spawned, 'exit');
  const all = withBelow([spawned.pid]);
  process.kill(-spawned.pid, 'SIGKILL');
  await ended;
  // BentoML's children have groups of their own.
  for (const { pid } of all) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It went with its group.
    }
  }
}
