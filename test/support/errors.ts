import assert from 'node:assert/strict';
import { ProtocolError, type ProtocolErrorCode } from '../../src/errors.ts';

/** Fails unless `run` throws a `ProtocolError` of this code whose message matches; gives the error back. */
export function assertProtocolError(run: () => unknown, code: ProtocolErrorCode, message = /./): ProtocolError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${String(error)} is not a ProtocolError`);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return error;
  }
  assert.fail(`no ${code} was thrown`);
}

/** The outcome of `run`; `null` if it threw a `ProtocolError`. Anything else that is thrown goes on. */
export function orProtocolError<Value>(run: () => Value): Value | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}
