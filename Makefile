# The front door: `make help` lists what there is. What is behind it: CMake (CMakePresets.json), ctest, and deploy/.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PRESET ?= release
# Tests wait more than they compute.
JOBS ?= $(shell echo $$((2 * $$(nproc))))
export PRESET

C_SOURCES = $(shell find common gateway proto services tests -name '*.[ch]')

# ---- running ----

run: servers ## builds and starts everything; Ctrl-C ends all of it. VAR=dir BACKEND_PORT=n for a second stack
	@exec env --default-signal=INT setpriv --pdeathsig TERM deploy/stack run

dev: PRESET = dev
dev: packages ## the same, and builds and restarts on every change
	@exec env --default-signal=INT setpriv --pdeathsig TERM deploy/dev

up: servers ## starts everything in the background; returns when it is ready
	@deploy/stack up

down: ## ends what up started
	@deploy/stack down

status: ## says what runs; exit status 0 when all of it does and is ready
	@deploy/stack status

logs: ## follows the logs of what up started
	@exec deploy/stack logs

psql: ## opens psql on the stack's database
	@deploy/stack psql

backup: packages ## writes all data to a file: FILE=backup.dump
	@deploy/stack backup "$(FILE)"

restore: packages ## puts the data of a backup in the place of what is there: FILE=backup.dump
	@deploy/stack restore "$(FILE)"

# Of the command line only: every shell has a USER, who is somebody else.
admin: export ADMIN_NAME = $(if $(filter command,$(origin USER)),$(USER))
admin: servers ## makes a user of the running stack an admin: USER=name
	@deploy/stack admin "$$ADMIN_NAME"

migrate: packages ## brings the database to what migrations/ says
	@deploy/stack migrate

migration: packages ## makes a new migration: SERVICE=room NAME=add_topic NOTE='Rooms have a topic'
	@deploy/migrate add "$(SERVICE)" "$(NAME)" "$(NOTE)"

wipe: ## ends the stack and deletes its data
	@deploy/stack remove

# ---- building ----

packages: ## installs what is missing of deploy/apt-packages.txt
	@deploy/packages

build: packages ## builds everything of PRESET (release, dev, asan, tsan, coverage) into build/PRESET
	@deploy/build $(PRESET)

servers: packages
	@deploy/build $(PRESET) programs

# The clusters of the tests may have data elsewhere (deploy/postgres), so they go first.
clean: ## deletes what was built; the data stays (make wipe)
	@[[ ! -d build ]] || find build -maxdepth 6 -name location -printf '%h\n' -o -path '*/data/PG_VERSION' -printf '%h/..\n' | \
		xargs -rd '\n' -n 1 deploy/postgres remove
	@rm -rf build

# ---- checking ----

test: ## runs the tests; T=rooms those whose names match
	@$(MAKE) test-dev

asan: ## runs the tests under the address and undefined behaviour sanitizers; T= as above
	@$(MAKE) test-asan

# libzmq is not built for it, and what it cannot see it takes for races: so only the programs that do without.
tsan: T ?= ^unit_(fiber|loop|log|metrics|password|gateway_.*)$$
tsan: ## runs the tests of what meets threads under the thread sanitizer; T= as above
	@$(MAKE) test-tsan T='$(T)'

test-%: packages
	@deploy/build $*
	@cd build/$* && ctest -j $(JOBS) --output-on-failure --no-tests=error $(if $(T),-R '$(T)')

containers: packages ## builds the images and tests them, in a Docker engine
	@tests/containers/compose
	@tests/containers/systemd

coverage: ## runs the tests and says which lines they reach: build/coverage/index.html
	@$(MAKE) test-coverage
	@deploy/coverage

lint: packages ## checks format, walls, C and scripts
	@deploy/lint

format: packages ## formats the C sources
	@clang-format -i $(C_SOURCES)

fuzz: packages ## runs each fuzzer for SECONDS_EACH (20)
	@deploy/fuzz

chaos: packages ## breaks things under load and prints what clients see of it. SEED=n breaks others
	@deploy/build $(PRESET)
	@tests/chaos/run build/$(PRESET)

bench: packages ## measures the release build against its promises; RESULTS=1 keeps the table. ROWS=login: those rows
	@deploy/build release bench
	@tests/bench/run

explain: packages ## checks every statement's plan on 1,000,000 rooms and 5,000,000 participations
	@deploy/build release
	@tests/bench/explain

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: run dev up down status logs psql backup restore admin migrate migration wipe packages build servers clean test asan tsan containers coverage lint format fuzz \
	chaos bench explain help
