"""What managers did, and their last words on faces, are kept as votes are."""

from django.db import migrations

FORBID = """
CREATE FUNCTION labeling_keep_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are only ever added: % of row % refused', TG_TABLE_NAME, TG_OP, OLD.id;
END $$;
CREATE TRIGGER acts_are_only_ever_added BEFORE UPDATE OR DELETE ON labeling_act
FOR EACH ROW EXECUTE FUNCTION labeling_keep_rows();
CREATE TRIGGER adjudications_are_only_ever_added BEFORE UPDATE OR DELETE ON labeling_adjudication
FOR EACH ROW EXECUTE FUNCTION labeling_keep_rows();
"""
ALLOW = """
DROP TRIGGER adjudications_are_only_ever_added ON labeling_adjudication;
DROP TRIGGER acts_are_only_ever_added ON labeling_act;
DROP FUNCTION labeling_keep_rows();
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0003_the_labeling_loop")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
