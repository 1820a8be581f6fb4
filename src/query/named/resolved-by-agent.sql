-- Whose tickets were resolved in the last thirty days, the first five.
SELECT coalesce(agents.name, agents.email, assigned_agent_id, 'nobody') AS agent, count(*) AS resolved
FROM tickets LEFT JOIN agents ON agents.id = tickets.assigned_agent_id
WHERE status = 'Resolved' AND deleted_at IS NULL
  AND julianday(created_at) + resolution_time_ms / 86400000.0 >= julianday('now', '-30 days')
GROUP BY assigned_agent_id ORDER BY resolved DESC LIMIT 5;
