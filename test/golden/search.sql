-- The golden set of vvault_search: made-up videos in the languages of the
-- site, 60 queries, and for each the videos that its first page of ten has to
-- show. Used by test/pgtap/search.sql and by bench/run.sh; both run it in a
-- catalog that holds other videos too.

INSERT INTO vvault.videos (video_id, region, content_language, title, channel_title, channel_id, views, category_id, tags)
SELECT v.video_id, r, v.language, v.title, v.channel, 'UC-' || v.channel, v.views, v.category,
	string_to_array(v.tags, ',')
FROM (VALUES
	-- English
	('en01', 'US,GB', 'en', 'Baking Sourdough Bread at Home for Beginners', 'Hearth & Crumb', 820000, 26, 'bread,baking'),
	('en02', 'US', 'en', '10 Sourdough Mistakes You''re Making', 'Hearth & Crumb', 1400000, 26, 'bread,baking'),
	('en03', 'GB', 'en-GB', 'The Rainiest Village in England', 'Quiet Lanes', 95000, 19, 'england,village'),
	('en04', 'GB', 'en-GB', 'Walking the Coast to Coast, Day 1', 'Quiet Lanes', 61000, 19, 'england,walking'),
	('en05', 'US', 'en-US', 'I Built a Tiny House in 30 Days', 'Marlow Makes', 9400000, 26, 'house,diy'),
	('en06', 'US', 'en-US', 'Tiny House Tour: Living in 200 Square Feet', 'Small Spaces Club', 3300000, 26, 'house,tour'),
	('en07', 'US,GB,PL', 'en', 'Teo Hartwell - Not Before Summer (Official Video)', 'Teo Hartwell', 6600000, 10, 'music,pop'),
	('en08', 'US', 'en', 'Teo Hartwell - Paper Boats (Live in Austin)', 'Teo Hartwell', 1200000, 10, 'music,pop,live'),
	('en09', 'US', 'en', 'Guessing Teo''s songs in one second', 'Couch Quiz', 240000, 24, 'quiz'),
	('en10', 'US', 'en', 'Why Do Cats Knock Things Over?', 'Curious Paws', 5100000, 15, 'cats,science'),
	('en11', 'US', 'en', 'My cat learned to open the fridge', 'Biscuit the Cat', 12800000, 15, 'cats'),
	('en12', 'US', 'en', 'Minecraft, but every block is random', 'Voxel Vera', 7700000, 20, 'minecraft'),
	('en13', 'US,GB', 'en', 'Speedrunning Minecraft in 12 minutes', 'Voxel Vera', 4100000, 20, 'minecraft'),
	('en14', 'GB', 'en', 'Full Highlights: Ashford United 3-2 Riverton', 'Matchday Box', 2100000, 17, 'football'),
	('en15', 'GB', 'en', 'Riverton manager reacts to late winner', 'Matchday Box', 310000, 17, 'football'),
	('en16', 'US', 'en', 'Hip-Hop Dance Tutorial, Step by Step', 'Groove Room', 450000, 24, 'dance'),
	('en17', 'US', 'en', U&'\+01D5E7\+01D5F5\+01D5F2 \+01D5DF\+01D5EE\+01D600\+01D601 Lighthouse Keeper', 'Salt Stories', 180000, 1, 'film'),
	('en18', 'US', 'en', 'Is the Lighthouse haunted? #shorts', 'Salt Stories', 900000, 1, 'film'),
	('en19', 'US', 'en', 'Pokémon cards I found in the attic', 'Attic Andy', 2600000, 24, 'cards'),
	('en20', 'US', 'en', 'Beyond the Attic: a ghost story', 'Salt Stories', 75000, 1, 'film'),
	-- Polish
	('pl01', 'PL', 'pl', 'Sto dni w lesie: żółte liście i pierwszy śnieg', 'Zofia Żak', 540000, 19, 'las,biwak'),
	('pl02', 'PL', 'pl', 'Budujemy szałas w Bieszczadach', 'Zofia Żak', 310000, 19, 'las,biwak'),
	('pl03', 'PL', 'pl', 'Gęś po łódzku – przepis mojej babci', 'Kuchnia Grażyny', 120000, 26, 'kuchnia,przepis'),
	('pl04', 'PL', 'pl', 'Pierogi ruskie krok po kroku', 'Kuchnia Grażyny', 2200000, 26, 'kuchnia,przepis'),
	('pl05', 'PL', 'pl', 'Najlepsze pierogi w Krakowie', 'Głodny Krzysiek', 760000, 26, 'kuchnia,krakow'),
	('pl06', 'PL', 'pl', 'Zażółć gęślą jaźń (Official Video)', 'Kapela Świerszcz', 1900000, 10, 'muzyka'),
	('pl07', 'PL', 'pl', 'Kapela Świerszcz – Nocny pociąg do Gdańska', 'Kapela Świerszcz', 880000, 10, 'muzyka'),
	('pl08', 'PL', 'pl', 'Skrót meczu: Orły Bielany 1:0 Huragan Chełm', 'Boisko TV', 430000, 17, 'mecz'),
	('pl09', 'PL', 'pl', 'Dlaczego tramwaje w Łodzi są czerwone?', 'Torowisko', 67000, 2, 'tramwaj'),
	('pl10', 'PL', 'pl', 'Łódź z lotu ptaka w 4K', 'Drony nad Polską', 52000, 19, 'dron'),
	('pl11', 'PL', 'pl', 'Jak naprawić cieknący kran w 5 minut', 'Złota Rączka', 1100000, 26, 'naprawa'),
	('pl12', 'PL', 'pl', 'Źrebak zobaczył śnieg pierwszy raz', 'Stajnia pod Lipą', 3400000, 15, 'konie'),
	-- Dutch
	('nl01', 'NL', 'nl', 'Een dag mee met de molenaar van Kinderdijk', 'Buiten Gewoon', 140000, 19, 'molen'),
	('nl02', 'NL', 'nl', 'Fietsen door Groningen in de regen', 'Buiten Gewoon', 88000, 19, 'fiets'),
	('nl03', 'NL', 'nl', 'Waarom Nederlanders op klompen fietsen', 'Typisch Wij', 610000, 24, 'fiets'),
	('nl04', 'NL', 'nl', 'Oma bakt poffertjes volgens geheim recept', 'Bakken met Oma', 930000, 26, 'bakken'),
	('nl05', 'NL', 'nl', 'De grootste stroopwafel ter wereld', 'Bakken met Oma', 2500000, 26, 'bakken'),
	('nl06', 'NL', 'nl', 'Één jaar zonder suiker – dit is mijn verhaal', 'Sanne Vertelt', 270000, 22, 'gezond'),
	('nl07', 'NL', 'nl', 'Samenvatting FC Waterland - Sparta Zeeburg', 'Voetbal Nu', 760000, 17, 'voetbal'),
	('nl08', 'NL', 'nl', 'Jurre de Wit - Zomer in Zeeland (officiële clip)', 'Jurre de Wit', 1300000, 10, 'muziek'),
	('nl09', 'NL', 'nl', 'Katten die bang zijn voor komkommers', 'Dierenvriendjes', 4700000, 15, 'katten'),
	-- Swedish
	('se01', 'SE', 'sv', 'Vi testar alla köttbullar i Umeå', 'Hungriga Hjortar', 390000, 26, 'mat'),
	('se02', 'SE', 'sv', 'Sju kvällar ensam i fjällstugan', 'Norrsken & Kaffe', 510000, 19, 'fjäll'),
	('se03', 'SE', 'sv', 'Saga Strömfors - Ekot av snö [Official Audio]', 'Saga Strömfors', 2800000, 10, 'musik'),
	('se04', 'SE', 'sv', 'Saga Strömfors berättar om nya albumet', 'Kulturfåtöljen', 90000, 22, 'musik,intervju'),
	('se05', 'SE', 'sv', 'Så bygger du en vedeldad badtunna', 'Hemmafixar-Åke', 230000, 26, 'bygga'),
	('se06', 'SE', 'sv', 'Älgen som bor i vår trädgård', 'Skogsfamiljen', 1700000, 15, 'älg'),
	('se07', 'SE', 'sv', 'Midsommar på Öland: dans runt stången', 'Skogsfamiljen', 150000, 19, 'midsommar'),
	('se08', 'SE', 'sv', 'Matchens mål: Gävle Stars mot Luleå Vargar', 'Hockeyhörnan', 410000, 17, 'hockey'),
	-- Norwegian
	('no01', 'NO', 'no', 'På ski over Hardangervidda alene', 'Fjellfolk', 290000, 17, 'ski'),
	('no02', 'NO', 'nb', 'Smørbrød som bestemor lagde dem', 'Kjøkkenkroken', 130000, 26, 'mat'),
	('no03', 'NO', 'nb', 'Fisketur i Lofoten: største torsken noensinne', 'Kysten Kaller', 640000, 19, 'fiske'),
	('no04', 'NO', 'no', 'Åse Bjørnstad – Tusen øyer (offisiell video)', 'Åse Bjørnstad', 1500000, 10, 'musikk'),
	('no05', 'NO', 'nn', 'Korleis bygge ein naust frå botnen av', 'Vestlandsgarden', 72000, 26, 'bygge'),
	('no06', 'NO', 'no', 'Hytta uten strøm: vår første vinter', 'Fjellfolk', 870000, 19, 'hytte'),
	('no07', 'NO', 'no', 'Elbil i 30 minusgrader – går det?', 'Ladet', 560000, 2, 'elbil'),
	-- German (Austria)
	('at01', 'AT', 'de', 'Die schönsten Berghütten in Tirol', 'Gipfelglück', 330000, 19, 'berge'),
	('at02', 'AT', 'de', 'Eine Nacht allein auf der Almhütte', 'Gipfelglück', 480000, 19, 'berge'),
	('at03', 'AT', 'de', 'Omas Apfelstrudel: so wird er knusprig', 'Kaffeehaus Küche', 1200000, 26, 'backen'),
	('at04', 'AT', 'de', 'Häuser bauen aus Stroh – geht das?', 'Bau mit Babsi', 210000, 26, 'bauen'),
	('at05', 'AT', 'de', 'Straßenmusiker überrascht ganz Wien', 'Klangspuren', 3900000, 10, 'musik'),
	('at06', 'AT', 'de', 'Lena Größl - Über den Dächern (Live)', 'Lena Größl', 950000, 10, 'musik'),
	('at07', 'AT', 'de', 'Warum Züge in Österreich pünktlich sind', 'Schienenzeit', 180000, 2, 'bahn'),
	('at08', 'AT', 'de', 'Zusammenfassung: SV Alpenrose gegen FC Donau', 'Fußballecke', 370000, 17, 'fußball')
) AS v (video_id, regions, language, title, channel, views, category, tags)
	CROSS JOIN LATERAL unnest(string_to_array(v.regions, ',')) r;

-- What a search has to find its way through: popular titles of common words.
INSERT INTO vvault.videos (video_id, region, content_language, title, channel_title, channel_id, views, category_id)
SELECT 'zz' || n, (ARRAY['US', 'GB', 'PL', 'NL', 'SE', 'NO', 'AT'])[1 + n % 7], 'en',
	(ARRAY['My house is the best house', 'Official Video live in one day', 'The last cat in the world',
		'Summer (Official Audio)', 'Living at home: day one of 30', 'Learn the dance step by step',
		'Video of the day: bread', 'Reacting to live football in the rain'])[1 + n % 8] || ' ' || n,
	'Filler ' || n % 40, 'UC-filler-' || n % 40, 20000000 + n * 1000, 24
FROM generate_series(1, 400) n;

CREATE TEMP TABLE golden (n serial, q text, region text, language text, expected text[]);
INSERT INTO golden (q, region, language, expected) VALUES
	-- words as they are written
	('sourdough', NULL, NULL, '{en01,en02}'),
	('tiny house', 'US', NULL, '{en05,en06}'),
	('teo hartwell', NULL, NULL, '{en07,en08}'),
	('minecraft speedrun', NULL, NULL, '{en13}'),
	('voxel vera', NULL, NULL, '{en12,en13}'),
	('riverton', 'GB', NULL, '{en14,en15}'),
	('pierogi', 'PL', NULL, '{pl04,pl05}'),
	('poffertjes', 'NL', NULL, '{nl04}'),
	('hardangervidda', 'NO', NULL, '{no01}'),
	('tirol', 'AT', NULL, '{at01}'),
	-- accents
	('zolte liscie', NULL, NULL, '{pl01}'),
	('zazolc gesla jazn', NULL, NULL, '{pl06}'),
	('ŻÓŁTE LIŚCIE', NULL, NULL, '{pl01}'),
	('lodz', NULL, NULL, '{pl10}'),
	('zrebak', NULL, NULL, '{pl12}'),
	('kottbullar umea', NULL, NULL, '{se01}'),
	('saga stromfors', NULL, NULL, '{se03,se04}'),
	('algen', NULL, NULL, '{se06}'),
	('smorbrod', NULL, NULL, '{no02}'),
	('ase bjornstad', NULL, NULL, '{no04}'),
	('strassenmusiker', NULL, NULL, '{at05}'),
	('lena grossl', NULL, NULL, '{at06}'),
	('pokemon cards', NULL, NULL, '{en19}'),
	('een jaar zonder suiker', NULL, NULL, '{nl06}'),
	('the last lighthouse', NULL, NULL, '{en17}'),
	-- stems
	('bake bread', 'US', NULL, '{en01}'),
	('knocking cats', NULL, NULL, '{en10}'),
	('beginner sourdough', NULL, NULL, '{en01}'),
	('berghütte', NULL, 'de', '{at01}'),
	('haus bauen', NULL, NULL, '{at04}'),
	('zug österreich', NULL, NULL, '{at07}'),
	('fietst groningen', NULL, NULL, '{nl02}'),
	('kat komkommer', NULL, NULL, '{nl09}'),
	('kväll fjällstuga', NULL, NULL, '{se02}'),
	('hytte strøm', NULL, NULL, '{no06}'),
	('torsk lofoten', NULL, NULL, '{no03}'),
	-- the last word as a beginning
	('sourd', NULL, NULL, '{en01,en02}'),
	('light', 'US', NULL, '{en17,en18}'),
	('kuchnia graz', NULL, NULL, '{pl03,pl04}'),
	('strom', 'SE', NULL, '{se03,se04}'),
	('apfels', NULL, NULL, '{at03}'),
	('stroop', NULL, NULL, '{nl05}'),
	('bieszcz', NULL, NULL, '{pl02}'),
	('not before su', NULL, NULL, '{en07}'),
	-- typos
	('sordough bread', NULL, NULL, '{en01}'),
	('minecarft', NULL, NULL, '{en12,en13}'),
	('teo hartwel paper', NULL, NULL, '{en08}'),
	('lighthosue keeper', NULL, NULL, '{en17}'),
	('peirogi ruskie', NULL, NULL, '{pl04}'),
	('stroopwaffel', NULL, NULL, '{nl05}'),
	('köttbular', NULL, NULL, '{se01}'),
	('hardangervida', NULL, NULL, '{no01}'),
	('apfelstrudl', NULL, NULL, '{at03}'),
	('bjornstadt', NULL, NULL, '{no04}'),
	-- quotes, minus, or, marks
	('"not before summer"', NULL, NULL, '{en07}'),
	('lighthouse -haunted', NULL, NULL, '{en17}'),
	('poffertjes or apfelstrudel', NULL, NULL, '{nl04,at03}'),
	('hip hop', NULL, NULL, '{en16}'),
	('you''re making mistakes', NULL, NULL, '{en02}'),
	('ashford 3-2 riverton', NULL, NULL, '{en14}');

-- The share of what is expected that the first ten hold.
CREATE FUNCTION pg_temp.recall(g golden) RETURNS double precision LANGUAGE sql AS $$
	SELECT count(*) FILTER (WHERE e = ANY (ARRAY(SELECT v ->> 'video_id'
		FROM json_array_elements(vvault_search($1.q, $1.region, $1.language, 10) -> 'videos') v)))
		/ count(*)::double precision
	FROM unnest($1.expected) e
$$;
