import { admit } from '../../core/admission.ts';
import type { Context } from '../../core/context.ts';
import { parseStreamPath } from '../../core/stream-path.ts';
import { AbsentError, EndError } from '../../errors.ts';
import { type AnyResponse, answerFor, respond } from './answer.ts';
import { asError, type FlvRequest, FlvSession } from './flv-session.ts';
import { MEDIA_HEADERS } from './media-headers.ts';

const LIVE = { status: 200, headers: MEDIA_HEADERS, body: '' };

/** Answers HEAD with what GET would say now, without a wait and without media. */
export class HttpProbe extends FlvSession {
  readonly #response: AnyResponse;

  constructor(context: Context, response: AnyResponse, request: FlvRequest) {
    super(context, request);
    this.#response = response;
  }

  async answer(): Promise<void> {
    try {
      const { redirect } = await admit(this.context, this, 'play');
      const { path } = redirect === null ? this.target.address : parseStreamPath(redirect);
      const { broadcasts, elsewhere } = this.context;
      const isHere = (broadcasts.get(path)?.status ?? 'idle') !== 'idle';
      if (!isHere && !elsewhere?.has(path)) throw new AbsentError(`${path} is not being published`);
      this.close(new EndError('answered'));
    } catch (error) {
      this.close(asError(error));
    }
  }

  protected release(reason: Error): void {
    const answer = reason instanceof EndError ? LIVE : answerFor(reason, this, 'play');
    // What a HEAD says of the body is said of a body that is not sent.
    respond(this.#response, { ...answer, body: '' });
  }
}
