-- Verify user:person_pending_email on pg: as the service's role

begin;

set local role backend_user;

insert into users.person (id, username, email, pending_email)
values (9007199254740991, 'verify pending', 'verify-pending@example.org', 'another@example.org'),
       (9007199254740990, 'verify pending 2', 'verify-pending-2@example.org', 'another@example.org');

rollback;
