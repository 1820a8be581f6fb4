-- The thread of one ticket.
SELECT position AS n, sender_type AS sender, message_type AS kind, created_at, content
FROM messages WHERE is_deleted IS NOT TRUE AND ticket_id = (
  SELECT id FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam' AND message_count BETWEEN 4 AND 6
  ORDER BY id LIMIT 1)
ORDER BY position;
