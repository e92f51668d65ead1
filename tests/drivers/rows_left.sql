\echo == rows that were left behind
SELECT * FROM countries ORDER BY code;
SELECT * FROM users ORDER BY username;
SELECT * FROM posts ORDER BY username, id;
SELECT * FROM orders ORDER BY customer, id;
SELECT * FROM notes ORDER BY id;
