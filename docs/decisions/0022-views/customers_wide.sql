-- Template: {attributes} as in tickets_wide, of customer_attributes:
--     , (SELECT a.value FROM customer_attributes a WHERE a.customer_id = c.id AND a.label = 'Plan' ORDER BY a.position LIMIT 1) AS "attr_plan"
CREATE VIEW customers_wide AS
SELECT c.*
    {attributes}
FROM customers c;
