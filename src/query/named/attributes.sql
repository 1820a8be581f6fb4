-- Custom attributes, and how often each value occurs.
SELECT coalesce(label, attribute_id) AS attribute, value, count(*) AS tickets
FROM ticket_attributes JOIN tickets ON tickets.id = ticket_attributes.ticket_id
WHERE deleted_at IS NULL AND status IS NOT 'Spam'
GROUP BY attribute, value ORDER BY tickets DESC LIMIT 20;
