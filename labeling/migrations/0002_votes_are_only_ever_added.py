"""No UPDATE and no DELETE of a vote, by whatever path: the database itself refuses."""

from django.db import migrations

FORBID = """
CREATE FUNCTION labeling_keep_votes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'votes are only ever added: % of vote % refused', TG_OP, OLD.id;
END $$;
CREATE TRIGGER votes_are_only_ever_added BEFORE UPDATE OR DELETE ON labeling_vote
FOR EACH ROW EXECUTE FUNCTION labeling_keep_votes();
"""
ALLOW = """
DROP TRIGGER votes_are_only_ever_added ON labeling_vote;
DROP FUNCTION labeling_keep_votes();
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0001_initial")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
