// The compiler writes JavaScript only: icons go beside it.
import { cpSync } from 'node:fs';

cpSync('icons', 'dist/icons', { recursive: true });
