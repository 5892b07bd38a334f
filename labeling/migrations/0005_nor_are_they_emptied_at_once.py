"""TRUNCATE goes past row triggers, so votes, acts and last words refuse it by statement.

It passes only where the session says penumbra.rows_may_go = on, as the tests do to empty their
throw-away database: that word stops `manage.py flush` and slips of the hand, not a database's owner,
who could drop the triggers as well.
"""

from django.db import migrations

TABLES = ("vote", "act", "adjudication")
FORBID = """
CREATE FUNCTION labeling_keep_tables() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('penumbra.rows_may_go', true), '') <> 'on' THEN
        RAISE EXCEPTION '% rows are only ever added: TRUNCATE refused', TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
""" + "".join(
    f"CREATE TRIGGER {table}s_are_not_emptied_at_once BEFORE TRUNCATE ON labeling_{table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION labeling_keep_tables();"
    for table in TABLES
)
ALLOW = (
    "".join(
        f"DROP TRIGGER {table}s_are_not_emptied_at_once ON labeling_{table};" for table in TABLES
    )
    + "DROP FUNCTION labeling_keep_tables();"
)


class Migration(migrations.Migration):
    dependencies = [("labeling", "0004_acts_and_last_words_are_only_ever_added")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
