"""The journal's tables, as they came to be."""

from __future__ import annotations

#: Numbered, never edited once released; each runs in a transaction of its own.
MIGRATIONS = (
    """
    CREATE TABLE identity (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        validator TEXT NOT NULL,
        chain_id INTEGER NOT NULL,
        market TEXT NOT NULL
    ) STRICT;
    CREATE TABLE opening (
        job BLOB NOT NULL CHECK (length(job) = 32),
        round INTEGER NOT NULL,
        digest BLOB NOT NULL CHECK (length(digest) = 32),
        answer BLOB NOT NULL CHECK (length(answer) = 32),
        sketch BLOB NOT NULL CHECK (length(sketch) = 32),
        environment BLOB NOT NULL CHECK (length(environment) = 32),
        salt BLOB NOT NULL CHECK (length(salt) = 32),
        PRIMARY KEY (job, round)
    ) STRICT;
    CREATE TABLE open_job (job BLOB PRIMARY KEY CHECK (length(job) = 32)) STRICT;
    CREATE TABLE cursor (id INTEGER PRIMARY KEY CHECK (id = 1), next_block INTEGER NOT NULL) STRICT;
    INSERT INTO cursor VALUES (1, 0);
    """,
    """
    CREATE TABLE opening_by_subject (
        job BLOB NOT NULL CHECK (length(job) = 32),
        round INTEGER NOT NULL,
        subject BLOB NOT NULL CHECK (length(subject) = 32),
        digest BLOB NOT NULL CHECK (length(digest) = 32),
        answer BLOB NOT NULL CHECK (length(answer) = 32),
        sketch BLOB NOT NULL CHECK (length(sketch) = 32),
        environment BLOB NOT NULL CHECK (length(environment) = 32),
        salt BLOB NOT NULL CHECK (length(salt) = 32),
        PRIMARY KEY (job, round, subject)
    ) STRICT;
    INSERT INTO opening_by_subject
        SELECT job, round, zeroblob(32), digest, answer, sketch, environment, salt FROM opening;
    DROP TABLE opening;
    """,
    """
    CREATE TABLE round_list (
        job BLOB NOT NULL CHECK (length(job) = 32),
        round INTEGER NOT NULL,
        seed BLOB NOT NULL CHECK (length(seed) = 32),
        commitments BLOB NOT NULL CHECK (length(commitments) % 32 = 0),
        PRIMARY KEY (job, round, seed)
    ) STRICT;
    CREATE TABLE round_way (
        job BLOB NOT NULL CHECK (length(job) = 32),
        round INTEGER NOT NULL,
        seed BLOB NOT NULL CHECK (length(seed) = 32),
        signatures BLOB NOT NULL CHECK (length(signatures) % 64 = 0),
        PRIMARY KEY (job, round, seed)
    ) STRICT;
    """,
)
