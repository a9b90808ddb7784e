"""Words for the names of invented entities, in two parts that share no word: benchmark and pretraining corpus.

A benchmark of more entities than its surnames serve has surnames of two parts ("Oakbridge") instead.

No surname is the beginning of another one, so a prediction cannot match two entities by its first letters.
"""

BENCHMARK_FIRST_NAMES = """
    Abel Adela Agnes Aiko Alba Aldo Alice Alina Amara Amir Anna Arun Asha Axel Aylin Bela Bjorn Boris Carlo Carol
    Chidi Chloe Clara Craig Cyril Dalia Dario David Delia Diego Dinah Dora Doris Edda Edith Edwin Efua Elena Elias
    Elif Ellen Emily Enzo Eric Erika Esme Eva Ezra Farah Flora Frank Fred Frida Gita Greta Hana Hedda Helen Henry
    Hugo Ian Ida Idris Ilse Imani Ines Irene Irina Ivo Jacob Joel Juno Karl Kofi Lara Lars Leif Lena Leo Luis Mary
    Mei Mira Neil Nils Nina Noel Noor Nora Olga Omar Otto Rani Rosa Ruth Svea Uma Vera Yara Zara
"""
"""100 first names of benchmark entities."""

BENCHMARK_SURNAMES = """
    Abreu Amadi Aydin Bauer Bose Botha Bowen Brady Calvo Chen Cisse Colby Conti Costa Dahl Danso Darby Demir Desai
    Dixon Doyle Engel Evans Fabre Falk Faure Foley Gebre Gupta Haas Hagen Hamid Hoang Hobbs Holm Huang Joshi Kato
    Keane Keita Kelly Khan Kirby Klein Kovac Kumar Lang Leroy Levy Logan Lopez Lund Maier Marek Mehta Meyer Monti
    Mundy Nagy Nair Nash Novak Nunez Okoro Olsen Osman Owusu Palma Patel Pham Pinto Pryce Ramos Rao Reddy Reyes
    Rigby Rocha Rojas Rossi Roux Ruiz Sadiq Saito Sato Selby Sesay Silva Sims Singh Soto Thapa Tobin Toure Tran
    Upton Vance Vega Vidal Wang
"""
"""100 surnames of benchmark entities."""

SURNAME_STARTS = """
    Ander Arden Aver Barn Beck Berk Birken Blan Brack Brecken Brock Burn Carden Carn Chester Clan Corder Cran Crick
    Darn Dean Dorn Elder Esk Ever Farn Garn Gilder Gorsen Gran Gren Hack Har Hen Kirk Lin Mer Mor Oak Orr Pen Perk
    Pick Quin Rook Sorren Span Stern Stock Tarn Tren Tur Ver Walder War Wen Wilken Win Wyn York
"""
"""60 first parts of the surnames of a large benchmark; none is the beginning of another one."""

SURNAME_ENDS = """
    bank bourne bridge brook bury by church cliffe combe cote croft dale dell field fold ford gate ham hill hurst
    ington land leigh ley low man mead mere mond more over pole port shaw side son stead stow stone thorpe ton vale
    ville wall ward well wick wold wood worth
"""
"""50 second parts; none is the beginning of another one."""

CORPUS_FIRST_NAMES = """
    Albert Amelia Anders Andrea Angela Anika Anton Arthur Astrid Audrey Benito Bertha Brenda Bruno Calvin Camila
    Carmen Casper Colin Conrad Cosima Damian Daniel Davina Dennis Donald Duncan Edgar Edmund Eileen Emeka Ernest
    Esther Ethel Fatima Fergus Helga Janek Janet Katya Lidia Marta Mateo Nadia Nancy Oscar Paula Pilar Susan Wendy
"""
"""50 first names of corpus entities."""

CORPUS_SURNAMES = """
    Abbott Acosta Albers Barlow Barton Becker Benson Berger Bolton Brandt Burton Campos Castro Cermak Chopra
    Clarke Cooper Corbin Cortez Crosby Curtis Dalton Davies Denham Duarte Ekberg Farouk Fenton Ferris Flores
    Fujita Galvan Gibson Haddad Hansen Hassan Heller Hodges Hooper Horvat Ingram Irving Jansen Jarvis Jensen
    Jordan Kamara Kimura Koller Kruger
"""
"""50 surnames of corpus entities."""
