import { NotReplicatedError } from '../errors.js';

/** How many replicas have to have a write before it is acknowledged, and how long they are waited for. */
export interface ReplicaAcks {
  replicas: number;
  timeoutMs: number;
  /** A key that is written for each WAIT; on a Redis Cluster it decides the node. */
  key: string;
}

interface Held {
  write: () => Promise<unknown>;
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * Acknowledges writes of one connection once enough replicas have them; rejects with {@link NotReplicatedError} otherwise. The
 * writes of a turn of the event loop share one WAIT, and while it is unanswered later ones are held: Redis would hold them anyway,
 * and WAITs that fall short would add up. `write` has to send at once; `send` sends a command on the same connection.
 */
export function createAcks(
  { replicas, timeoutMs, key }: ReplicaAcks,
  send: (words: string[]) => Promise<unknown>,
): <Answer>(write: () => Promise<Answer>) => Promise<Answer> {
  let held: Held[] = [];
  let isSending = false;

  const vouch = async (): Promise<void> => {
    // From Redis 7.2 on WAIT vouches only for what its own connection wrote, and a repeat that finds its job writes nothing.
    const sent = [send(['SET', key, '']), send(['WAIT', String(replicas), String(timeoutMs)])];
    const [, count] = await Promise.all(sent);
    if (Number(count) < replicas) throw new NotReplicatedError(Number(count), replicas, timeoutMs);
  };
  const sendGroup = async (group: readonly Held[]): Promise<void> => {
    const answered = Promise.allSettled(group.map(({ write }) => write()));
    const [vouched] = await Promise.allSettled([vouch()]);
    const answers = await answered;
    group.forEach(({ resolve, reject }, index) => {
      const answer = answers[index] as PromiseSettledResult<unknown>;
      if (answer.status === 'rejected') reject(answer.reason);
      else if (vouched.status === 'rejected') reject(vouched.reason);
      else resolve(answer.value);
    });
  };
  const sendAll = async (): Promise<void> => {
    while (held.length > 0) {
      const group = held;
      held = [];
      await sendGroup(group);
    }
    isSending = false;
  };
  return <Answer>(write: () => Promise<Answer>) =>
    new Promise<Answer>((resolve, reject) => {
      held.push({ write, resolve: resolve as Held['resolve'], reject });
      if (isSending) return;
      isSending = true;
      setImmediate(() => void sendAll());
    });
}
