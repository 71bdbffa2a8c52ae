package generator

import "strings"

// person is an invented name with what follows from it.
type person struct {
	name   string
	mail   string // the name in ASCII, as the beginning of an e-mail address
	gender string // F, M, or D for diverse
}

// names are a country's: first names of women and of men, family names. A name that
// is not written in Latin letters has its transliteration after a colon.
type names struct{ female, male, family []spelling }

// spelling is a name as written and in ASCII.
type spelling struct{ native, ascii string }

// telephone numbers that nobody has: where a country reserves some for fiction
// those, else an area code of zeros. # stands for a digit.
var telephones = [numCountries]string{
	us: "+1-555-555-01##",   // reserved for fiction (NANPA)
	cn: "+86 000 #### ####", // no area code 000
	de: "+49 30 23125 ###",  // reserved for film and radio (Bundesnetzagentur)
	uk: "+44 1632 960###",   // reserved for drama (Ofcom)
	fr: "+33 1 99 00 ## ##", // reserved for fiction (Arcep)
	es: "+34 000 ### ###",   // no number begins with 0
	pt: "+351 000 ### ###",  // no number begins with 0
}

// drawTelephone returns a telephone number of the country.
func drawTelephone(r *random, country int) string {
	b := []byte(telephones[country])
	for i, c := range b {
		if c == '#' {
			b[i] = byte('0' + r.below(10))
		}
	}
	return string(b)
}

// drawPerson invents someone of the country.
func drawPerson(r *random, country int) person {
	n := &people[country]
	p := person{gender: "F"}
	first := n.female
	switch x := r.below(1000); {
	case x < 480:
		p.gender, first = "M", n.male
	case x < 485:
		p.gender, first = "D", n.male
	case x < 490:
		p.gender = "D"
	}
	given, family := one(r, first), one(r, n.family)
	p.mail = given.ascii + "." + family.ascii
	switch country {
	case cn:
		p.name = family.native + given.native
	case es, pt: // two family names
		p.name = given.native + " " + family.native + " " + one(r, n.family).native
	default:
		p.name = given.native + " " + family.native
	}
	return p
}

var people = [numCountries]names{
	us: {spell("Ava Brooke Chloe Dana Elaine Faith Grace Hazel Ivy Jada Kayla Lena Megan Nora Paige Ruby Sadie Tara"),
		spell("Aaron Blake Caleb Derek Ethan Frank Gavin Henry Isaac Jack Kyle Logan Mason Noah Owen Reid Seth Troy"),
		spell("Abbott Barker Coleman Dalton Ellison Foster Garrett Holloway Ingram Jennings Keller Lawson Mercer Norwood Osborne Prescott Ramsey Sutton Thornton Whitaker")},
	cn: {spell("芳:fang 娜:na 静:jing 丽:li 敏:min 婷:ting 雪:xue 梅:mei 琳:lin 晓燕:xiaoyan 雨桐:yutong 思琪:siqi 欣怡:xinyi 佳慧:jiahui"),
		spell("伟:wei 强:qiang 磊:lei 军:jun 洋:yang 勇:yong 杰:jie 涛:tao 明:ming 志强:zhiqiang 浩然:haoran 子轩:zixuan 宇航:yuhang 建国:jianguo"),
		spell("王:wang 李:li 张:zhang 刘:liu 陈:chen 杨:yang 黄:huang 赵:zhao 吴:wu 周:zhou 徐:xu 孙:sun 马:ma 朱:zhu 胡:hu 郭:guo 何:he 林:lin 高:gao 罗:luo")},
	de: {spell("Anja Birgit Clara Doris Elke Franziska Greta Heike Ines Jana Käthe Lena Mia Nadine Petra Sabine Theresa Ute"),
		spell("Anton Bernd Christian Dirk Erik Florian Günter Hans Ingo Jürgen Karl Lukas Matthias Niklas Otto Paul Stefan Uwe"),
		spell("Ackermann Böhm Dietrich Engel Fuchs Groß Hübner Jäger Köhler Lindner Möller Neumann Pfeiffer Richter Schäfer Seidel Thiele Vogt Winkler Zimmermann")},
	uk: {spell("Abigail Bethan Charlotte Daisy Eleanor Fiona Georgia Harriet Imogen Jemima Kirsty Lucy Maisie Niamh Poppy Rosie Sophie Tilly"),
		spell("Alfie Barnaby Callum Duncan Edward Fergus George Harvey Ian Jasper Keith Liam Marcus Nigel Oliver Rory Simon Toby"),
		spell("Ashworth Bramley Chadwick Douglas Eastwood Fairclough Graham Hargreaves Irving Jarvis Kershaw Lockwood McAllister Nuttall Ogden Pritchard Ridley Shaw Tindall Wainwright")},
	fr: {spell("Adèle Béatrice Camille Delphine Élodie Françoise Gaëlle Hélène Inès Juliette Léa Manon Noémie Océane Pauline Sandrine Thérèse Zoé"),
		spell("Antoine Benoît Cédric Didier Étienne Fabrice Gérard Hugo Jérôme Laurent Mathieu Nicolas Olivier Pascal Rémi Sébastien Thibault Yves"),
		spell("Aubert Blanchard Chevalier Delacroix Fontaine Garnier Hébert Lacroix Lefèvre Marchand Moreau Noël Perrin Picard Renaud Rousseau Sauvage Tessier Vasseur Vidal")},
	es: {spell("Alba Begoña Carmen Dolores Elena Fátima Inés Jimena Lucía Marta Nuria Olga Paloma Rocío Sofía Teresa Verónica Ximena"),
		spell("Adrián Borja César Diego Emilio Félix Gonzalo Hugo Iván Javier Leandro Martín Nicolás Óscar Pablo Rubén Sergio Tomás"),
		spell("Aguilar Benítez Cabrera Delgado Espinosa Fuentes Gallego Herrero Ibáñez Lozano Muñoz Navarro Ortega Peña Quintana Rubio Santana Torres Vega Zamora")},
	pt: {spell("Aurora Beatriz Catarina Diana Eduarda Filipa Graça Helena Inês Joana Leonor Mafalda Natália Paula Rita Sílvia Teresa Vitória"),
		spell("Afonso Bernardo Cláudio Duarte Eduardo Fábio Gonçalo Henrique João Leandro Miguel Nuno Óscar Paulo Rui Simão Tiago Vasco"),
		spell("Abrantes Barbosa Cardoso Domingues Esteves Faria Guimarães Henriques Lourenço Magalhães Nogueira Oliveira Pacheco Queirós Ramalho Salgado Tavares Valente Vieira Xavier")},
}

// spell reads names separated by spaces and finds their spelling in ASCII.
func spell(list string) (s []spelling) {
	for _, name := range strings.Fields(list) {
		native, ascii, given := strings.Cut(name, ":")
		if !given {
			ascii = toASCII.Replace(strings.ToLower(name))
		}
		s = append(s, spelling{native, ascii})
	}
	return s
}

// toASCII spells the accented letters of the lists above without them.
var toASCII = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "á", "a", "à", "a", "ã", "a", "â", "a",
	"ç", "c", "é", "e", "è", "e", "ê", "e", "ë", "e", "í", "i", "î", "i", "ï", "i", "ñ", "n", "ó", "o", "ô", "o",
	"õ", "o", "ú", "u")
