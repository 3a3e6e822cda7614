import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BusyError, ConnectionError } from '../../../../src/errors.ts';
import { encodeError } from '../../../../src/servers/cluster/error-data.ts';
import { Questions } from '../../../../src/servers/cluster/questions.ts';

describe('questions to another process', () => {
  test('each gets its own answer, in whatever order they come', async () => {
    const questions = new Questions();
    const sent: number[] = [];
    const answers = [1, 2, 3].map(() => questions.ask((question) => void sent.push(question)));
    questions.answer(sent[2]!, null);
    questions.answer(sent[0]!, encodeError(new BusyError('taken')));
    questions.answer(sent[1]!, null);
    await assert.rejects(answers[0]!, new BusyError('taken'));
    await Promise.all(answers.slice(1));
    assert.equal(new Set(sent).size, 3);
  });

  test('an answer that comes twice, or to no question, does nothing', async () => {
    const questions = new Questions();
    let sent = 0;
    const answer = questions.ask((question) => {
      sent = question;
    });
    questions.answer(77, null);
    questions.answer(sent, null);
    questions.answer(sent, encodeError(new BusyError('late')));
    await answer;
  });

  test('one that is not answered in time is refused, and its answer is dropped', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const questions = new Questions();
    let sent = 0;
    const answer = questions.ask((question) => {
      sent = question;
    }, 5000);
    t.mock.timers.tick(5000);
    await assert.rejects(answer, { code: 'NMS_TIMEOUT', message: /within 5000 ms/ });
    questions.answer(sent, null);
  });

  test('when the other process ends all are refused, and later ones at once', async () => {
    const questions = new Questions();
    const reason = new ConnectionError('worker 1 has ended');
    const answers = [questions.ask(() => {}), questions.ask(() => {}, 1000)];
    questions.rejectAll(reason);
    for (const answer of answers) await assert.rejects(answer, reason);
    await assert.rejects(
      questions.ask(() => assert.fail('sent')),
      reason,
    );
  });
});
