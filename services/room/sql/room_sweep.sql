-- write: starts and ends rooms whose time has come, at most $1 of each; of how many
select rooms.sweep($1::bigint) as settled
