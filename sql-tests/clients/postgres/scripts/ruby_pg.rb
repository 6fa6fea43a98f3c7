# Ruby's pg: results in text and binary, maps of types, COPY, transactions, cancelling.
require 'json'
require 'pg'

def attempt(name)
  outcome = begin
    { result: yield }
  rescue PG::Error => e
    { error: (e.respond_to?(:result) && e.result && e.result.error_field(PG::Result::PG_DIAG_SQLSTATE)) || e.class.name, _message: e.message }
  rescue StandardError => e
    { error: e.class.name, _message: e.message }
  end
  puts JSON.generate({ step: name }.merge(outcome), ascii_only: true, allow_nan: true)
end

def shown(result)
  columns = (0...result.nfields).map { |n| [result.fname(n), result.ftype(n), result.fmod(n), result.fsize(n), result.fformat(n)] }
  rows = result.values.map { |row| row.map { |v| v.is_a?(String) ? v.b.inspect : v.to_s } }
  { tag: result.cmd_status, columns: columns, rows: rows, count: result.cmd_tuples }
end

c = PG.connect
%w[id name price ratio half small big flag day at zoned raw numbers tags].each do |column|
  attempt("type #{column}") { shown(c.exec("SELECT #{column} FROM fields ORDER BY id")) }
  attempt("binary #{column}") { shown(c.exec_params("SELECT #{column} FROM fields ORDER BY id", [], 1)) }
end
attempt('parameters') { shown(c.exec_params('SELECT id FROM fields WHERE id = $1 AND name = $2', [1, 'plain'])) }
attempt('null') { shown(c.exec_params('SELECT $1::text', [nil])) }
attempt('prepared') { c.prepare('p', 'SELECT v FROM points WHERE k = $1'); (1..8).map { |k| c.exec_prepared('p', [k]).getvalue(0, 0) } }
attempt('described') { d = c.describe_prepared('p'); [(0...d.nparams).map { |n| d.paramtype(n) }, (0...d.nfields).map { |n| d.fname(n) }] }
attempt('types of results') { c.exec('SELECT id, flag, day, ratio FROM fields WHERE id = 1').map_types!(PG::BasicTypeMapForResults.new(c)).values.map { |r| r.map(&:to_s) } }
attempt('insert') { shown(c.exec_params('INSERT INTO scratch VALUES ($1, $2)', [1, 'x'])) }
attempt('copy in') { c.copy_data('COPY scratch FROM STDIN') { c.put_copy_data("77\tx\n"); c.put_copy_data("78\t\\N\n") }.cmd_status }
attempt('copy out') { rows = []; c.copy_data('COPY (SELECT id, customer FROM orders ORDER BY id) TO STDOUT') { while (row = c.get_copy_data) do rows << row end }; rows }
attempt('one by one') { c.send_query('SELECT k FROM points ORDER BY k'); c.set_single_row_mode; c.get_result.stream_each_row.first(1000).sum { |r| r[0].to_i } }
attempt('after that') { c.discard_results; shown(c.exec('SELECT 1::int AS one')) }
attempt('error') { c.exec('SELECT nothing FROM fields') }
attempt('value') { c.exec_params('SELECT $1::int', ['x']) }
attempt('transaction') { c.transaction { |t| shown(t.exec('SELECT 1::int AS one')) } }
attempt('failed transaction') { c.transaction { |t| t.exec('SELECT nothing') } }
attempt('state behind it') { c.transaction_status }
attempt('cancel') { c.send_query('SELECT count(*) FROM points a, points b, points c, points d WHERE a.k + b.k + c.k + d.k = 17'); c.cancel; c.get_last_result }
attempt('after a cancel') { shown(c.exec('SELECT 1::int AS one')) }
attempt('several') { c.send_query('SELECT 1::int AS a; SELECT 2::int AS b'); [c.get_result, c.get_result].map { |r| r.values } }
attempt('reset') { c.discard_results; c.reset; shown(c.exec('SELECT 1::int AS one')) }
c.close
