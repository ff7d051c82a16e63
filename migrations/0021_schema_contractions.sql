-- Which programs can work with this schema. Migrations expand: what runs goes on beside them. One that takes something
-- away writes here which migration a program must know at least, to need it no more; programs look when they start.
CREATE TABLE schema_contractions (
    version bigint PRIMARY KEY,
    needs   bigint NOT NULL CHECK (needs <= version)
);
