-- Letters of all scripts, found by capitals and small ones, whatever the locale
-- of the database: in the locale C, which is that of plain pg_regress, its own
-- lower() knows ASCII alone.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
RESET client_min_messages;
BEGIN;
INSERT INTO vvault.videos (region, video_id, title, views) VALUES
	('PL', 'armenian', 'ՏՈԼՄԱ', 9),
	('PL', 'cyrillic', 'ЇЖАК У САДКУ', 8),
	('PL', 'georgian', 'ᲮᲐᲭᲐᲞᲣᲠᲘ', 7),
	('PL', 'greek', 'Ο ΣΊΣΥΦΟΣ', 6),
	('PL', 'latin', 'ŁÓDŹ, ÅLESUND, GRÜẞE', 5),
	('PL', 'turkish', 'ISPARTA VE İZMİR', 4);
\pset format unaligned
SELECT q, vvault_search(q, 'PL') -> 'videos' -> 0 ->> 'video_id' AS found
FROM unnest('{տոլմա,Տոլմա,їжак,Їжак у садку,ხაჭაპური,σίσυφος,Σίσυφοσ,łódź,lodz,ålesund,aalesund,grüße,gruesse,ısparta,isparta,izmir,İzmir}'::text[]) q;
ROLLBACK;
