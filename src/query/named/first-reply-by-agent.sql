-- Median minutes to the first reply, by agent.
SELECT coalesce(agents.name, agents.email, assigned_agent_id, 'nobody') AS agent, count(*) AS tickets,
       round(median(first_reply_time_ms) / 60000.0) AS median_minutes
FROM tickets LEFT JOIN agents ON agents.id = tickets.assigned_agent_id
WHERE deleted_at IS NULL AND status IS NOT 'Spam' AND first_reply_time_ms IS NOT NULL
GROUP BY assigned_agent_id ORDER BY median_minutes;
