-- The five newest tickets.
SELECT id, status, source_type AS channel, created_at
FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam'
ORDER BY created_at DESC LIMIT 5;
