-- Tickets that are there: those without deleted_at. Spam is in it.
CREATE VIEW live_tickets AS
SELECT t.*,
    t.status IS NOT NULL AND t.status IN ('Open', 'Pending', 'Waiting') AS is_open,
    t.status IS 'Spam' AS is_spam
FROM tickets t
WHERE t.deleted_at IS NULL;
