-- Open tickets, and whose they are.
SELECT coalesce(agents.name, agents.email, assigned_agent_id, 'nobody') AS agent, count(*) AS open, min(tickets.created_at) AS oldest
FROM tickets LEFT JOIN agents ON agents.id = tickets.assigned_agent_id
WHERE status IN ('Open', 'Pending', 'Waiting') AND deleted_at IS NULL
GROUP BY assigned_agent_id ORDER BY open DESC;
