import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const FOLDER = resolve(__dirname, '../../.cache/valkey-9');
/** The server and its libraries, 8 MB: those of this machine are too old for it. The last line makes it a program. */
const FETCH = `
rm -rf "$0" && mkdir -p "$0/lists/partial" "$0/archives/partial" && cd "$0"
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian forky main' > sources
touch status
apt() {
  apt-get -qq -o Dir::State="$0" -o Dir::State::status="$0/status" -o Dir::Cache="$0" -o Dir::Etc::sourcelist="$0/sources" \\
    -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User= -o Acquire::Retries=2 -o Acquire::http::Timeout=20 "$@"
}
apt update
apt download valkey-tools libatomic1 libc6 libgcc-s1 libjemalloc2 liblzf1 libssl3t64 libstdc++6 libsystemd0 libcap2 zlib1g libzstd1
for file in *.deb; do dpkg -x "$file" .; done
rm -rf *.deb *.bin lists archives
lib=$(echo "$0"/usr/lib/*-linux-gnu)
ln -s valkey-check-rdb usr/bin/valkey-server
printf '#!/bin/sh\\nexec %s --argv0 valkey-server --library-path %s %s "$@"\\n' "$lib"/ld-linux-* "$lib" "$0/usr/bin/valkey-server" > run
chmod +x run && ./run --version && mv run valkey-server
`;

/** The program of Valkey 9, unpacked once from Debian's packages into `.cache/valkey-9`, or why it cannot be had. */
export function findValkey9(): { program: string } | { why: string } {
  const program = join(FOLDER, 'valkey-server');
  if (existsSync(program)) return { program };
  try {
    execFileSync('sh', ['-ec', FETCH, FOLDER], { stdio: 'pipe', timeout: 240_000 });
    return { program };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return { why: `apt-get gives no Valkey 9: ${said.split('\n').slice(-2).join(' ').slice(0, 200)}` };
  }
}
