-- Rows change with every log-in. The free part of a page takes their next version.
ALTER TABLE common.rate_limit SET UNLOGGED;
ALTER TABLE common.rate_limit SET (fillfactor = 70);
