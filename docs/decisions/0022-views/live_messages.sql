-- Messages that were not deleted, of tickets that were not, with what docs/metrics.md ("Messages") says of each: whether it is public, and whether
-- it is of a human. A thread of the rule `sender_type` has no message with a sender_reference_type, so only agents' messages without one ask for
-- the rule.
CREATE VIEW live_messages AS
SELECT m.*,
    (m.message_type IS NULL OR m.message_type = 'ExternalMessage')
        AND (m.sender_type IS 'customer' OR m.sender_type IS 'agent' OR m.sender_reference_type IS 'ClientMember') AS is_public,
    CASE
        WHEN m.message_type <> 'ExternalMessage' OR m.sender_type IS 'customer' THEN 0
        WHEN m.sender_reference_type IS 'ClientMember' THEN 1
        WHEN m.sender_type IS NOT 'agent' THEN 0
        WHEN m.sender_reference_type IS NOT NULL THEN 0
        WHEN coalesce(
            (SELECT k.reply_rule FROM ticket_metrics k WHERE k.ticket_id = m.ticket_id),
            (SELECT 'reference_type' FROM messages o WHERE o.ticket_id = m.ticket_id AND o.sender_reference_type IS NOT NULL LIMIT 1),
            'sender_type') = 'reference_type' THEN 0
        WHEN instr(lower(t.ai_status), 'handed') OR instr(lower(t.ai_status), 'hando') OR instr(lower(t.ai_status), 'hand o')
            OR instr(lower(t.ai_status), 'hand_o') OR instr(lower(t.ai_status), 'hand-o') OR instr(lower(t.ai_status), 'escalat')
            OR instr(lower(t.ai_status), 'transfer')
            THEN m.sender_id IS NOT NULL OR NOT EXISTS (
                SELECT 1 FROM messages o
                WHERE o.ticket_id = m.ticket_id AND o.sender_type = 'agent' AND o.sender_id IS NOT NULL AND o.is_deleted IS NOT 1
                    AND (o.message_type IS NULL OR o.message_type = 'ExternalMessage'))
        WHEN instr(lower(t.ai_status), 'solved') AND NOT instr(lower(t.ai_status), 'unsolved')
            AND NOT instr(lower(t.ai_status), 'unresolved') AND NOT instr(lower(t.ai_status), 'not')
            THEN 0
        ELSE 1
    END AS is_human
FROM messages m
JOIN tickets t ON t.id = m.ticket_id
WHERE m.is_deleted IS NOT 1 AND t.deleted_at IS NULL;
