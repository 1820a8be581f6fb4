-- One row per local hour from the first ticket to the last run, those in which nothing happened included.
CREATE VIEW hourly_volume AS
SELECT h.starts_at, h.day, h.weekday, h.hour,
    (SELECT count(*) FROM tickets t
        WHERE t.created_at >= h.starts_at AND t.created_at < h.ends_at AND t.deleted_at IS NULL AND t.status IS NOT 'Spam') AS created,
    (SELECT count(*) FROM messages m
        CROSS JOIN ticket_metrics k ON k.ticket_id = m.ticket_id
        WHERE m.created_at >= h.starts_at AND m.created_at < h.ends_at AND m.sender_type = 'customer' AND m.is_deleted IS NOT 1
            AND (m.message_type IS NULL OR m.message_type = 'ExternalMessage')
            AND k.is_deleted = 0 AND k.is_spam = 0 AND k.customer_message_count IS NOT NULL) AS customer_messages,
    (SELECT count(*) FROM ticket_replies r
        CROSS JOIN ticket_metrics k ON k.ticket_id = r.ticket_id
        WHERE r.occurred_at >= h.starts_at AND r.occurred_at < h.ends_at AND k.is_deleted = 0 AND k.is_spam = 0) AS public_replies
FROM hours h
WHERE h.ends_at > (SELECT created_at FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam' ORDER BY created_at LIMIT 1)
    AND h.starts_at <= (SELECT started_at FROM snapshots WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1);
