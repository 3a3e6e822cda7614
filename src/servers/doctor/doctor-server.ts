import { performance } from 'node:perf_hooks';
import { tell } from '../../core/admission.ts';
import type { PreparedChange } from '../../core/change.ts';
import type { Context } from '../../core/context.ts';
import type { LiveStream } from '../../core/live-stream.ts';
import type { SectionSchemas, SectionValues, Server } from '../../core/server.ts';
import type { Session } from '../../core/session.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import type { DoctorConfig } from './config.ts';
import { diagnose } from './diagnose.ts';
import { type Change, Patience } from './patience.ts';
import { StreamHistory } from './stream-facts.ts';

/** One publish that is looked after. */
interface Patient {
  readonly publisher: Session;
  readonly history: StreamHistory;
  readonly patience: Patience;
}

/** Looks at every live stream once a second and says what is wrong with it: in `context.advice`, as an event, in the log. */
export class DoctorServer implements Server {
  readonly #context: Context;
  readonly #patients = new Map<StreamPath, Patient>();
  #config: DoctorConfig;
  #stopTicking: (() => void) | null = null;
  readonly #onDone = (session: Session) => {
    const { streamPath } = session;
    if (streamPath !== '' && this.#patients.get(streamPath)?.publisher === session) this.#dismiss(streamPath);
  };

  constructor(context: Context, config: DoctorConfig) {
    this.#context = context;
    this.#config = config;
  }

  async run(): Promise<void> {
    if (this.#stopTicking !== null) return;
    const { eventEmitter, ticker } = this.#context;
    const removeTask = ticker.add(() => this.examine(performance.now(), Date.now()));
    eventEmitter.on('donePublish', this.#onDone);
    this.#stopTicking = () => {
      removeTask();
      eventEmitter.off('donePublish', this.#onDone);
    };
  }

  async prepare(sections: SectionValues<SectionSchemas>): Promise<PreparedChange | null> {
    const config = sections['doctor'] as DoctorConfig;
    return {
      commit: () => {
        this.#config = config;
      },
      cancel: () => {},
    };
  }

  async stop(): Promise<void> {
    this.#stopTicking?.();
    this.#stopTicking = null;
    for (const streamPath of [...this.#patients.keys()]) this.#dismiss(streamPath);
  }

  /** One round. @param now milliseconds of a clock that only goes forward @param unix milliseconds */
  examine(now: number, unix: number): void {
    const { streams } = this.#context;
    for (const streamPath of [...this.#patients.keys()]) {
      if (!this.#config.enable || (streams.get(streamPath)?.status ?? 'idle') === 'idle') this.#dismiss(streamPath);
    }
    if (!this.#config.enable) return;
    for (const stream of streams.values()) this.#visit(stream, { now, unix });
  }

  /** One whose publisher is away is left as it is. */
  #visit(stream: LiveStream, times: { readonly now: number; readonly unix: number }): void {
    const { streamPath, publisher, statistics, tracks, metadata, createTime } = stream;
    if (publisher === null || publisher.internal || statistics === null) return;
    const { history, patience } = this.#patientOf(streamPath, publisher);
    history.take(statistics);
    const facts = {
      tracks,
      metadata,
      statistics,
      ageMs: times.unix - createTime,
      recentJumps: history.recentJumps,
      bitrate: { video: history.bitrateOf('video'), audio: history.bitrateOf('audio') },
    };
    const changes = patience.take(diagnose(facts, this.#config), times, this.#config);
    const { advice } = patience;
    if (advice.length > 0) this.#context.advice.set(streamPath, advice);
    else this.#context.advice.delete(streamPath);
    for (const change of changes) this.#say(publisher, change);
  }

  #patientOf(streamPath: StreamPath, publisher: Session): Patient {
    let patient = this.#patients.get(streamPath);
    if (patient === undefined || patient.publisher !== publisher) {
      this.#dismiss(streamPath);
      const history = new StreamHistory(this.#config.jumpMemoryMs);
      patient = { publisher, history, patience: new Patience() };
      this.#patients.set(streamPath, patient);
    }
    return patient;
  }

  #dismiss(streamPath: StreamPath): void {
    this.#patients.delete(streamPath);
    this.#context.advice.delete(streamPath);
  }

  #say(publisher: Session, { state, advice, isNew }: Change): void {
    const { code, severity, message } = advice;
    if (state === 'raised') this.#context.counters.count('stream_advice', code);
    if (isNew) publisher.log(severity === 'info' ? 'info' : 'warn', message, { advice: code, severity });
    tell(this.#context, 'streamHealth', publisher, advice, state);
  }
}
