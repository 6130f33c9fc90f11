#!/usr/bin/env node
// npm run build: the set-up that every other command does first, and nothing after it.
import { prepare } from './setup/prepare.mjs';
import { main } from './setup/setup-error.mjs';

await main(prepare);
