import assert from "node:assert/strict";
import { test } from "node:test";

import { timestampOf } from "../../../service/inspector/page/state/timestamps.js";

test("moments are read as the recorder reads them, wherever the reader is", () => {
  process.env.TZ = "America/New_York";
  const now = Date.UTC(2026, 10, 21, 12);
  assert.equal(timestampOf("now", now), now);
  assert.equal(timestampOf("-1.5h", now), now - 5_400_000);
  assert.equal(timestampOf("1795262400.5", now), 1_795_262_400_500);
  for (const text of ["2026-11-21T08:30", "2026-11-21 08:30:00", "2026-11-21t08:30:00z", "2026-11-21 08:30Z", "2026-11-21T08:30:00,0004", "2026-11-21T10:30:00 02:00", "2026-11-21 03:30-0500"]) {
    assert.equal(timestampOf(text, now), Date.UTC(2026, 10, 21, 8, 30), text);
  }
  assert.equal(timestampOf("2026-11-21T08:30:00.25", now), Date.UTC(2026, 10, 21, 8, 30, 0, 250));
  assert.equal(timestampOf("2026-11-21", now), Date.UTC(2026, 10, 21));
  assert.equal(timestampOf("2026-11-21", now, true), Date.UTC(2026, 10, 22));
  for (const text of ["soon", "-2min", "21 Nov 2026", "2026-11", "2026-11-21T08"]) assert.ok(Number.isNaN(timestampOf(text, now)), text);
});
