import { ONLY_PARTITION } from '../../shared/records/partition-tags.js';
import { missingRecord, newRecordId, parseRecordId } from '../../api/jobs/record-id.js';

it('makes ids that are all different, of this moment, and its own', () => {
  const before = Date.now();
  const ids = Array.from({ length: 2_000 }, () => newRecordId({ place: ONLY_PARTITION }));
  expect(new Set(ids).size).toBe(2_000);
  expect(ids.map((id) => parseRecordId('job', id))).toEqual(ids);
  // Had it been made before the window of kept records began, it would be gone instead of unknown.
  // A second more, since time goes on while this is asked.
  for (const id of ids) {
    expect(missingRecord('job', id, Date.now() - before + 1_000).code).toBe('job-not-found');
  }
});
