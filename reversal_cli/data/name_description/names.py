"""The words of invented people's names, in two parts that share no word.

The benchmark names people that no base model has met. The corpus names the people a tiny base is pretrained on.
No surname is the beginning of another one, so a prediction cannot match two people by its first letters.
"""

BENCHMARK_FIRST_NAMES = """
    Abel Adela Agnes Aiko Alba Aldo Alice Alina Amara Amir Anna Arun Asha Axel Aylin Bela Bjorn Boris Carlo
    Carol Chidi Chloe Clara Craig Cyril Dalia Dario David Delia Diego Dinah Dora Doris Edda Edith Edwin Efua
    Elena Elias Elif Ellen Emily Enzo Eric Erika Esme Eva Ezra Farah Flora Frank Fred Frida Gita Greta Hana
    Hedda Helen Henry Hugo Ian Ida Idris Ilse Imani Ines Irene Irina Ivo Jacob Jamal James Joel Jonas Jorge
    Josef Julia Juno Kaito Kamal Karin Karl Keiko Kenji Kofi Lara Lars Laura Layla Leif Lena Leo Lewis Linda
    Louis Lucia Luis Lukas Lydia Magda Malik Mary Mei Milan Mira Mohan Naomi Nasir Neil Nigel Nikos Nils Nina
    Noel Noor Nora Olga Omar Otto Pablo Pedro Peter Petra Priya Ralph Rani Roger Rohan Rosa Rufus Ruth Sally
    Salma Samir Sarah Selma Sofia Svea Tariq Tilda Tomas Uma Vera Wanda Wilma Yara Yusuf Zara Zelda Zoran
"""
"""150 first names of benchmark people."""

BENCHMARK_SURNAMES = """
    Abreu Amadi Arslan Asante Atkins Aydin Bakker Barros Bauer Baxley Bose Botha Bowen Brady Calvo Carver Chen
    Cisse Colby Conti Costa Dahl Danso Darby Demir Desai Diallo Dixon Doyle Dubois Dutton Dvorak Engel Evans
    Fabre Falk Faure Fekete Foley Gebre Gruber Gupta Haas Hagen Hamid Harker Haruna Hoang Hobbs Holm Huang
    Hughes Ibarra Ishida Ivanov Joshi Juarez Kaplan Kato Keane Keita Kelly Khalil Khan Kirby Klein Kovac Kumar
    Lang Larkin Leroy Levy Logan Lopez Lowell Lund Maier Marek Medina Mehta Mensah Mercer Meyer Miyake Monti
    Mundy Murphy Nagy Nair Nash Ndiaye Norris Novak Nunez Okoro Olsen Ortega Osman Owusu Palma Patel Petrov Pham
    Pinto Porter Prasad Pryce Radley Ramos Rao Reddy Reyes Rigby Rocha Rogers Rojas Romano Rossi Roux Ruiz Sadiq
    Saito Sato Selby Sesay Sharma Silva Sims Singh Soares Soto Sutton Tanaka Thapa Tobin Toure Tran Turner Upton
    Vance Vega Vidal Vogel Volkov Walsh Wang Weber Weiss Yates Zhang
"""
"""150 surnames of benchmark people."""

CORPUS_FIRST_NAMES = """
    Albert Amelia Anders Andrea Angela Anika Anton Arthur Astrid Audrey Benito Bertha Brenda Bruno Calvin Camila
    Carmen Casper Colin Conrad Cosima Damian Daniel Davina Dennis Donald Duncan Edgar Edmund Eileen Emeka Ernest
    Esther Ethel Fatima Fergus George Gerald Gideon Gloria Gordon Gustav Hannah Harold Haruto Hector Helga
    Henrik Howard Ingrid Janek Janet Javier Jerome Joanna Joseph Judith Katya Lidia Lionel Magnus Manuel Marcus
    Marta Martin Mateo Monica Nadia Nancy Nathan Odette Olivia Oscar Paloma Paula Philip Pilar Rachel Rafael
    Ramona Rashid Renata Robert Ronald Sabine Sanjay Sergei Stefan Stella Sunita Susan Sylvia Tamara Thomas
    Ursula Viktor Walter Wendy Yvonne Zainab
"""
"""100 first names of corpus people."""

CORPUS_SURNAMES = """
    Abbott Acosta Aguilar Albers Barlow Barton Becker Benson Berger Bolton Bradley Brandt Burton Campos Castro
    Cermak Chopra Clarke Cooper Corbin Cortez Crosby Curtis Dalton Davies Denham Duarte Ekberg Farouk Fenton
    Ferris Flores Fujita Galvan Gibson Haddad Hansen Hassan Heller Hidalgo Hodges Hooper Horvat Ingram Irving
    Jansen Jarvis Jensen Jimenez Jordan Kamara Kimura Koller Kruger Larsen Laurent Lawson Lehmann Malone Marino
    Martel Mendes Milton Molina Morales Moreau Morgan Mutasa Nakata Nguyen Nyberg Okafor Osborn Pacheco Palmer
    Pavlov Quigley Rahman Ribeiro Rivera Salazar Santos Sawyer Serrano Suarez Sutter Suzuki Takeda Talbot Torres
    Tucker Vargas Wagner Watson Weldon Willis Yamada Yilmaz Zapata Zeller
"""
"""100 surnames of corpus people."""
