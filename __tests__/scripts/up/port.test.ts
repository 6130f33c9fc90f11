import { createServer } from 'node:net';
import { checkPort } from '../../../scripts/up/port.js';

describe('checkPort', () => {
  it('lets a free port through, and leaves it free', async () => {
    await expect(checkPort('127.0.0.1', 0)).resolves.toBeUndefined();
  });

  it('says what to do about a taken one', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(checkPort('127.0.0.1', port)).rejects.toThrow(
      `port ${port} is taken: stop what listens there, or take another one with PORT=${port + 1} npm start`,
    );
    await new Promise((resolve) => server.close(resolve));
  });

  it('says what to do about an address of another machine', async () => {
    await expect(checkPort('192.0.2.1', 0)).rejects.toThrow('is not an address of this machine');
  });
});
