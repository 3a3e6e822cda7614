import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type NodeMediaServerConfig, type Session, signStream } from '../../src/index.ts';
import { makeSource, publishFile } from '../support/ffmpeg.ts';
import { missingFfmpeg8, publishWithFfmpeg8 } from '../support/ffmpeg8.ts';
import { firstReason, missing, type Program, within } from '../support/tools.ts';
import { type Lab, openLab } from '../support/tools-lab.ts';

const DEADLINE_MS = 30_000;
const config: NodeMediaServerConfig = {
  auth: {
    publish: true,
    secret: 's',
    streamKeys: { topsecret: '/live/alice' },
    publishers: [{ username: 'bob', password: 'hunter2pass', paths: ['/studio/*'] }],
    askPassword: { publishers: ['studio'] },
  },
};

/** The FFmpegs that publish here. */
const programs = [
  {
    name: 'ffmpeg',
    skip: missing('ffmpeg'),
    publish: (lab: Lab, file: string, url: string) => publishFile(lab, file, url),
  },
  {
    name: 'FFmpeg 8',
    skip: firstReason(missing('ffmpeg'), missingFfmpeg8()),
    publish: (lab: Lab, file: string, url: string) => publishWithFfmpeg8(lab, file, url).program,
  },
];

for (const workers of [1, 2]) {
  for (const { name, skip, publish } of programs) {
    describe(`${name} before ${workers === 1 ? 'one process' : `${workers} workers`}`, { skip }, () => {
      let lab: Lab;
      let file: string;
      const published: Session[] = [];

      before(async () => {
        lab = await openLab({ workers, ...config });
        lab.server.on('postPublish', (session) => void published.push(session));
        file = await makeSource(lab, { seconds: 1 });
      });
      after(() => lab[Symbol.asyncDispose]());

      const over = async (path: string, userinfo = ''): Promise<Program> => {
        published.length = 0;
        const program = publish(lab, file, lab.url('rtmp', path).replace('//', `//${userinfo}`));
        await within(program.over, `the end of ${program.line}`, DEADLINE_MS);
        return program;
      };
      const isIn = async (path: string, userinfo?: string) => {
        const { code, line, stderr } = await over(path, userinfo);
        assert.equal(code, 0, `${line}\n${stderr}`);
        return published.map(({ streamPath, user }) => `${streamPath} ${user}`);
      };
      const isOut = async (path: string, userinfo?: string) => {
        const { code, stderr, stdout } = await over(path, userinfo);
        assert.notEqual(code, 0);
        assert.deepEqual(published, []);
        return stderr + stdout;
      };

      test('publishes with a signed address, and hears why it may not with another', async () => {
        const expiry = Math.floor(Date.now() / 1000) + 60;
        const sign = (path: string) => `?sign=${signStream('publish', path, expiry, 's')}`;
        assert.deepEqual(await isIn(`/live/a${sign('/live/a')}`), ['/live/a ']);
        const said = await isOut(`/live/a${sign('/live/b')}`);
        if (name === 'ffmpeg') assert.match(said, /Server error: the signature does not fit this address/);
      });

      test('publishes with a stream key to the path of the key', async () => {
        assert.deepEqual(await isIn('/live/topsecret'), ['/live/alice ']);
        const said = await isOut('/live/topsceret');
        if (name === 'ffmpeg') assert.match(said, /Server error: the stream key is wrong/);
      });

      test('signs in with user and password where that is asked for', async () => {
        assert.deepEqual(await isIn('/studio/a', 'bob:hunter2pass@'), ['/studio/a bob']);
        assert.deepEqual(await isIn('/studio/a', 'bob:hunter2pass@'), ['/studio/a bob']);
        const wrong = await isOut('/studio/a', 'bob:topsceret@');
        const without = await isOut('/studio/a');
        if (name !== 'ffmpeg') return;
        assert.match(wrong, /Incorrect username\/password/);
        assert.match(without, /No credentials set/);
      });

      test('leaves no secret in the log', () => {
        const log = JSON.stringify(lab.lines);
        assert.ok(log.includes('/live/alice') && log.includes('/studio/a'));
        for (const secret of ['topsecret', 'topsceret', 'hunter2pass', 'opaque', 'response']) {
          assert.ok(!log.includes(secret), secret);
        }
      });
    });
  }
}

describe('GStreamer', { skip: missing('gst-launch-1.0') }, () => {
  test('signs in with user and password, and hears that they are wrong', async () => {
    await using lab = await openLab(config);
    const publish = async (password: string) => {
      const location = `location=${lab.url('rtmp', '/studio/a')}`;
      const picture = 'videotestsrc num-buffers=10 ! x264enc tune=zerolatency ! flvmux streamable=true ! rtmp2sink';
      const program = lab.programs.start('gst-launch-1.0', [
        ...['-q', ...picture.split(' ')],
        ...[location, 'username=bob', `password=${password}`],
      ]);
      await within(program.over, `the end of ${program.line}`, DEADLINE_MS);
      return program;
    };
    const right = await publish('hunter2pass');
    assert.equal(right.code, 0, right.stderr);
    const wrong = await publish('topsceret');
    assert.match(wrong.stderr, /authentication failed; wrong credentials\?/);
  });
});
