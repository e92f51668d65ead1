# ruby-pg: libpq for Ruby, with type maps that follow the OIDs of columns, single rows, pipelines, binary COPY.
require 'pg'

$stdout.sync = true

def show(*values)
  puts values.map { |value| value.is_a?(String) ? value : value.inspect }.join(' ')
end

def show_result(result)
  show(result.cmd_status, result.fields.each_with_index.map { |name, i| "#{name}:#{result.ftype(i)}:#{result.fformat(i)}" })
  result.each_row { |row| show(' ', row) }
end

def fails
  yield
  show('no error')
rescue PG::Error => error
  show('error', error.class, error.result&.error_field(PG::PG_DIAG_SQLSTATE), error.result&.error_field(PG::PG_DIAG_CONSTRAINT_NAME))
end

# Each flow has a connection of its own, which casts values as their types say.
def flow(name)
  puts "== #{name}"
  db = PG.connect
  db.type_map_for_results = PG::BasicTypeMapForResults.new(db)
  db.type_map_for_queries = PG::BasicTypeMapForQueries.new(db)
  yield db
rescue StandardError => error
  puts "!! #{error.class} #{error.message.tr("\n", ' ')}"
ensure
  db&.close
end

flow 'rows and parameters' do |db|
  [0, 1].each do |format|
    %w[ann bob kim leo nobody].each do |name|
      columns = format.zero? ? 'username, age, karma, score, active, tags, marks, picture' : 'username, age, karma, score, active, picture'
      show_result(db.exec_params("SELECT #{columns} FROM users WHERE username = $1", [name], format))
    end
    show_result(db.exec_params('SELECT username, age, karma, active FROM users ORDER BY username DESC', [], format))
    show_result(db.exec_params('SELECT username FROM users WHERE age = $1 OR active = $2 OR score = $3 ORDER BY 1',
                               [25, false, 0.5], format))
  end
  show_result(db.exec('SELECT country, count(*), avg(age), max(created), sum(balance) FROM users GROUP BY country ORDER BY country'))
  show_result(db.exec_params('SELECT username FROM users WHERE marks::bigint[] = $1 OR tags && $2 ORDER BY 1', [[1, 2, 3], %w[z]]))
  show_result(db.exec_params('SELECT u.username, o.total FROM users u JOIN orders o ON o.customer = u.age ORDER BY 1', []))
  show_result(db.exec_params('SELECT count(*) FROM users WHERE country IS NOT DISTINCT FROM $1', [nil]))
end

flow 'prepared statements' do |db|
  db.prepare('by name', 'SELECT age, tags FROM users WHERE username = $1')
  db.prepare('all', 'SELECT username FROM users WHERE age > $1 ORDER BY age, username')
  described = db.describe_prepared('all')
  show((0...described.nparams).map { |i| described.paramtype(i) }, described.fields)
  %w[ann zoe kim].each { |name| show_result(db.exec_prepared('by name', [name])) }
  [20, 40].each { |age| show_result(db.exec_prepared('all', [age])) }
  db.exec('DEALLOCATE "by name"')
  fails { db.exec_prepared('by name', ['ann']) }
  fails { db.prepare('all', 'SELECT 1') }
end

flow 'one row after another' do |db|
  db.send_query('SELECT o.customer, n FROM orders o, generate_series(1, 3) AS n ORDER BY 1, 2 LIMIT 50')
  db.set_single_row_mode
  db.get_result.stream_each_row { |row| show(row) }
  db.discard_results
  db.send_query('SELECT customer, n FROM orders, generate_series(1, 100) AS n')
  db.set_single_row_mode
  db.get_result.stream_each { |_| break }
  db.discard_results
  show_result(db.exec('SELECT count(*) FROM orders'))
end

flow 'pipelines' do |db|
  db.enter_pipeline_mode
  db.send_query_params('SELECT username FROM users ORDER BY username', [])
  db.send_query_params('UPDATE users SET karma = karma WHERE username = $1', ['ann'])
  db.pipeline_sync
  db.send_query_params('SELECT 1 / $1::int FROM users', [0])
  db.send_query_params('SELECT 1', [])
  db.pipeline_sync
  seen = []
  until seen.count(PG::PGRES_PIPELINE_SYNC) == 2
    next unless (result = db.get_result)

    seen << result.result_status
    show(seen.last, result.error_field(PG::PG_DIAG_SQLSTATE), result.result_status == PG::PGRES_TUPLES_OK ? result.values : nil)
  end
  db.exit_pipeline_mode
end

flow 'copies' do |db|
  db.exec('BEGIN')
  db.copy_data('COPY users (username, age) FROM STDIN', PG::TextEncoder::CopyRow.new) do
    %w[a h q z].each_with_index { |letter, n| db.put_copy_data(["copy #{letter}", n.zero? ? nil : n]) }
  end
  rows = "SELECT username, age FROM users WHERE username LIKE 'copy%' ORDER BY 1"
  db.copy_data("COPY (#{rows}) TO STDOUT", PG::TextDecoder::CopyRow.new) do
    while (row = db.get_copy_data)
      show(row)
    end
  end
  fails { db.copy_data('COPY posts (username, id) FROM STDIN') { db.put_copy_data("zoe\tx\n") } }
  db.exec('ROLLBACK')
  show_result(db.exec("SELECT count(*) FROM users WHERE username LIKE 'copy%'"))
end

flow 'transactions and errors' do |db|
  calls = {
    'INSERT INTO users (username) VALUES ($1)' => ['ann'], 'SELECT 1 / $1::int FROM users' => [0], 'SELECT nothing FROM users' => [],
    'INSERT INTO users (username, country) VALUES ($1, $2)' => %w[err atlantis], 'SELECT * FROM nowhere' => [], 'SELEC' => [],
    'INSERT INTO users (username, age) VALUES ($1, $2)' => ['err', -1], 'DELETE FROM users WHERE username = $1' => ['ann']
  }
  calls.each do |sql, values|
    show(sql)
    fails { db.exec_params(sql, values) }
  end
  fails do
    db.transaction do
      db.exec("UPDATE users SET karma = 123 WHERE username IN ('ann', 'zoe')")
      db.exec('SELECT 1 / 0')
    end
  end
  show_result(db.exec('SELECT count(*) FROM users WHERE karma = 123'))
  insert = "INSERT INTO countries VALUES ('r1', 'one'); INSERT INTO countries VALUES ('r2', 'two')"
  show_result(db.exec("#{insert}; SELECT count(*) FROM countries"))
  show_result(db.exec("DELETE FROM countries WHERE code LIKE 'r%'"))
end

flow 'cancelling and notifications' do |db|
  db.send_query('SELECT count(pg_sleep(20)) FROM users')
  show(db.cancel)
  fails { db.get_last_result }
  db.exec('LISTEN news')
  db.exec("NOTIFY news, 'an item'")
  db.wait_for_notify(10) { |channel, _, payload| show(channel, payload) }
end

