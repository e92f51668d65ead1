#!/usr/bin/perl
# DBD::Pg: DBI over libpq, with statements prepared at the server, named placeholders, COPY and asynchronous queries.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:pg_types :async);

$| = 1;

sub dial { return DBI->connect('dbi:Pg:', undef, undef, {RaiseError => 1, PrintError => 0, AutoCommit => 1, @_}) }

sub text {
    my ($value) = @_;
    return '[' . join(',', map { text($_) } @$value) . ']' if ref($value) eq 'ARRAY';
    return defined($value) ? $value =~ s/([^ -~])/sprintf('\\x{%x}', ord $1)/gre : 'undef';
}

sub show { print join(' ', map { text($_) } @_), "\n" }

sub rows {
    my ($statement) = @_;
    show('columns', $statement->{NAME}, $statement->{pg_type});
    while (my $row = $statement->fetchrow_arrayref) {
        show(' ', @$row);
    }
    show('rows', $statement->rows);
}

sub query {
    my ($connection, $sql, @values) = @_;
    my $statement = $connection->prepare($sql);
    show($sql, $statement->execute(@values) + 0);
    rows($statement) if $statement->{NUM_OF_FIELDS};
}

sub fails {
    my ($connection, $block) = @_;
    return show('no error') if eval { $block->(); 1 };
    die $@ unless $connection->state;
    show('error', $connection->state, $connection->err);
}

# Each flow has a connection of its own.
sub flow {
    my ($name, $block) = @_;
    print "== $name\n";
    my $connection = eval { dial() };
    eval { $block->($connection); 1 } or print '!! ', $@ =~ s/\s+/ /gr, "\n";
    $connection->disconnect if $connection;
}

flow 'rows and parameters' => sub {
    my ($db) = @_;
    query($db, 'SELECT * FROM users WHERE username = ?', $_) for qw(ann bob kim leo nobody);
    query($db, 'SELECT * FROM users ORDER BY username DESC');
    query($db, 'SELECT country, count(*), avg(age), sum(balance) FROM users GROUP BY country ORDER BY country');
    query($db, 'SELECT username FROM users WHERE age = ? AND country = ? ORDER BY 1', 25, 'de');
    query($db, 'SELECT username FROM users WHERE username = ANY(?) ORDER BY 1', ['ann', 'zoe', undef]);
    query($db, 'SELECT username FROM users WHERE $1 = ANY(tags) OR username = $2 ORDER BY 1', 'z', 'ann');
    query($db, 'SELECT u.username, o.id FROM users u JOIN orders o ON o.customer = u.age WHERE o.total > ? ORDER BY 1', '1.5');
    my $statement = $db->prepare('SELECT username FROM users WHERE picture = :picture OR karma = :karma ORDER BY 1');
    $statement->bind_param(':picture', "\x{01}", {pg_type => PG_BYTEA});
    $statement->bind_param(':karma', 9000000000, {pg_type => PG_INT8});
    $statement->execute;
    rows($statement);
};

flow 'statements that are prepared at once, late, and never' => sub {
    my ($db) = @_;
    for my $options ({pg_prepare_now => 1}, {pg_switch_prepared => 1}, {pg_server_prepare => 0}, {pg_switch_prepared => -1}) {
        for my $sql ('SELECT age, tags FROM users WHERE username = ?', 'SELECT count(*) FROM posts WHERE username > ?') {
            my $statement = $db->prepare($sql, $options);
            for my $name (qw(ann zoe kim ann)) {
                $statement->execute($name);
                rows($statement);
            }
        }
    }
};

flow 'many executions' => sub {
    my ($db) = @_;
    $db->begin_work;
    my $insert = $db->prepare('INSERT INTO users (username, age) VALUES (?, ?)');
    my @status;
    show($insert->execute_array({ArrayTupleStatus => \@status}, [map {"$_ many"} qw(a h q z)], [1 .. 4]), \@status);
    query($db, 'UPDATE users SET age = age + ? WHERE username LIKE ?', 10, '% many');
    query($db, 'SELECT username, age FROM users WHERE username LIKE ? ORDER BY 1', '% many');
    query($db, 'INSERT INTO orders (customer, total) VALUES (?, ?) RETURNING customer, total', 3, 4.5);
    query($db, 'INSERT INTO notes (body) VALUES (?)', 'by Perl');
    show($db->last_insert_id(undef, undef, 'notes', undef));
    $db->rollback;
    show($db->do('DELETE FROM users WHERE username LIKE ?', undef, '% many'));
};

flow 'copies' => sub {
    my ($db) = @_;
    $db->begin_work;
    $db->do('COPY users (username, age) FROM STDIN');
    $db->pg_putcopydata("copy $_\t" . ord($_) . "\n") for qw(a h q z);
    show($db->pg_putcopyend);
    $db->do("COPY (SELECT username, age FROM users WHERE username LIKE 'copy%' ORDER BY 1) TO STDOUT");
    my $line = '';
    show($line =~ s/\n//r) while $db->pg_getcopydata($line) >= 0;
    $db->rollback;
};

flow 'savepoints and errors' => sub {
    my ($db) = @_;
    for my $call (['INSERT INTO users (username) VALUES (?)', 'ann'], ['SELECT 1 / ? FROM users', 0], ['SELECT nothing FROM users'],
        ['INSERT INTO users (username, country) VALUES (?, ?)', 'err', 'atlantis'], ['SELECT * FROM nowhere'], ['SELEC'],
        ['SELECT * FROM users WHERE age = ?', 'x'], ['DELETE FROM users WHERE username = ?', 'ann'])
    {
        show($call->[0]);
        fails($db, sub { query($db, @$call) });
    }
    $db->begin_work;
    query($db, 'INSERT INTO users (username) VALUES (?), (?)', 'save a', 'save z');
    $db->pg_savepoint('here');
    fails($db, sub { query($db, 'INSERT INTO users (username) VALUES (?)', 'save a') });
    show($db->ping, $db->{pg_async_status});
    $db->pg_rollback_to('here');
    query($db, 'SELECT username FROM users WHERE username LIKE ? ORDER BY 1', 'save%');
    $db->rollback;
};

flow 'asynchronous queries' => sub {
    my ($db) = @_;
    my $statement = $db->prepare('SELECT count(*) FROM users, pg_sleep(0.1)', {pg_async => PG_ASYNC});
    $statement->execute;
    show($statement->pg_result);
    rows($statement);
    $db->do('SELECT count(pg_sleep(20)) FROM users', {pg_async => PG_ASYNC});
    show($db->pg_cancel);
    query($db, 'SELECT count(*) FROM posts');
};

flow 'what the catalog tells' => sub {
    my ($db) = @_;
    for my $table (qw(users posts orders countries)) {
        my $columns = $db->column_info(undef, 'public', $table, '%');
        while (my $column = $columns->fetchrow_hashref) {
            show($table, map { $column->{$_} } qw(COLUMN_NAME TYPE_NAME NULLABLE COLUMN_DEF COLUMN_SIZE pg_constraint));
        }
        show($db->primary_key(undef, 'public', $table));
    }
    show(sort $db->tables(undef, 'public', '%', 'TABLE'));
    my $keys = $db->foreign_key_info(undef, 'public', 'countries', undef, undef, undef);
    while (my $key = $keys->fetchrow_hashref) {
        show(map { $key->{$_} } qw(FK_TABLE_NAME FK_COLUMN_NAME UK_COLUMN_NAME));
    }
};

flow 'notifications' => sub {
    my ($db) = @_;
    $db->do('LISTEN news');
    $db->do("NOTIFY news, 'an item'");
    my $notice = $db->pg_notifies;
    show($notice->[0], $notice->[2]);
};

flow 'a wrong password' => sub {
    my $connection = DBI->connect('dbi:Pg:', undef, 'wrong', {PrintError => 0});
    show($connection ? 'got in' : $DBI::errstr =~ /password authentication failed/);
};
