// The compiler writes JavaScript only: icons go beside it.
import { cpSync, readdirSync } from 'node:fs';

for (const folder of readdirSync('nodes')) cpSync('icons/recorder.svg', `dist/nodes/${folder}/recorder.svg`);
cpSync('icons/recorder.svg', 'dist/credentials/recorder.svg');
