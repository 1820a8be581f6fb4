-- Tickets whose thread has the word refund, login or pending, the first twenty.
SELECT tickets.id, tickets.status, count(*) AS messages
FROM messages JOIN tickets ON tickets.id = messages.ticket_id
WHERE messages.content REGEXP '(?i)\b(refund|login|pending)\b'
  AND deleted_at IS NULL AND status IS NOT 'Spam'
  AND messages.is_deleted IS NOT TRUE
GROUP BY tickets.id ORDER BY messages DESC LIMIT 20;
