-- The desk as this copy knew it at an instant: now, unless you write another.
SELECT status, count(*) AS tickets FROM ticket_history
WHERE valid_from <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  AND (valid_until IS NULL OR valid_until > strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
  AND NOT is_deleted AND status IS NOT 'Spam'
GROUP BY status;
