package generator

// Descriptions are put together from a noun of the sub category, a material and a
// detail, in the six languages of the published columns: PT, DE, FR, ES, EN, ZH.

type phrase [numLanguages]string

const (
	numLanguages = 6
	chinese      = 5 // puts material and detail before the noun, without spaces
	nounsEach    = 2
)

var materials = [...]phrase{
	{"de algodão", "aus Baumwolle", "en coton", "de algodón", "in cotton", "棉质"},
	{"de linho", "aus Leinen", "en lin", "de lino", "in linen", "亚麻"},
	{"de lã", "aus Wolle", "en laine", "de lana", "in wool", "羊毛"},
	{"de viscose", "aus Viskose", "en viscose", "de viscosa", "in viscose", "粘胶"},
	{"de malha", "aus Strick", "en maille", "de punto", "in fine knit", "针织"},
	{"de ganga", "aus Denim", "en denim", "de denim", "in denim", "牛仔"},
	{"de seda", "aus Seide", "en soie", "de seda", "in silk", "真丝"},
	{"de veludo", "aus Samt", "en velours", "de terciopelo", "in velvet", "丝绒"},
}

var details = [...]phrase{
	{"para todos os dias", "für jeden Tag", "pour tous les jours", "para cada día", "for every day", "日常"},
	{"com padrão às riscas", "mit Streifen", "à rayures", "con rayas", "with stripes", "条纹"},
	{"com estampado floral", "mit Blumenmuster", "à fleurs", "con flores", "with a floral print", "印花"},
	{"para dias frios", "für kalte Tage", "pour les jours froids", "para días fríos", "for cold days", "保暖"},
	{"de linhas simples", "mit klaren Linien", "aux lignes sobres", "de líneas sencillas", "with clean lines", "简约"},
	{"com acabamento bordado", "mit Stickerei", "à broderies", "con bordados", "with embroidery", "刺绣"},
	{"de verão", "für den Sommer", "pour l'été", "de verano", "for summer", "夏季"},
}

var nouns = [numSubs][nounsEach]phrase{
	subCHAC: {{"Gorro infantil", "Kindermütze", "Bonnet enfant", "Gorro infantil", "Kids' hat", "儿童帽"},
		{"Mochila infantil", "Kinderrucksack", "Sac à dos enfant", "Mochila infantil", "Kids' backpack", "儿童背包"}},
	subFECO: {{"Casaco", "Mantel", "Manteau", "Abrigo", "Coat", "大衣"},
		{"Blazer", "Blazer", "Blazer", "Blazer", "Blazer", "西装外套"}},
	subFESW: {{"Camisola", "Pullover", "Pull", "Jersey", "Sweater", "毛衣"},
		{"Casaco de malha", "Strickjacke", "Gilet", "Cárdigan", "Cardigan", "开衫"}},
	subFEDR: {{"Vestido", "Kleid", "Robe", "Vestido", "Dress", "连衣裙"},
		{"Macacão", "Jumpsuit", "Combinaison", "Mono", "Jumpsuit", "连体裤"}},
	subFESH: {{"Camisa", "Hemdbluse", "Chemise", "Camisa", "Shirt", "衬衫"},
		{"Blusa", "Bluse", "Blouse", "Blusa", "Blouse", "女衫"}},
	subFET: {{"T-shirt", "T-Shirt", "T-shirt", "Camiseta", "T-shirt", "T恤"},
		{"Top", "Top", "Top", "Top", "Top", "上衣"}},
	subFEPA: {{"Calças", "Hose", "Pantalon", "Pantalón", "Trousers", "长裤"},
		{"Calças justas", "Röhrenhose", "Pantalon slim", "Pantalón ceñido", "Slim trousers", "修身裤"}},
	subFESK: {{"Saia", "Rock", "Jupe", "Falda", "Skirt", "半身裙"},
		{"Calções", "Shorts", "Short", "Pantalón corto", "Shorts", "短裤"}},
	subFESU: {{"Fato", "Hosenanzug", "Tailleur", "Traje", "Suit", "套装"},
		{"Conjunto", "Zweiteiler", "Ensemble", "Conjunto", "Two-piece set", "两件套"}},
	subFESP: {{"Leggings de desporto", "Sportleggings", "Legging de sport", "Mallas deportivas", "Sports leggings", "运动紧身裤"},
		{"Top de desporto", "Sporttop", "Haut de sport", "Top deportivo", "Sports top", "运动上衣"}},
	subFELI: {{"Pijama", "Schlafanzug", "Pyjama", "Pijama", "Pajamas", "睡衣"},
		{"Camisa de noite", "Nachthemd", "Chemise de nuit", "Camisón", "Nightdress", "睡裙"}},
	subFEAC: {{"Lenço", "Halstuch", "Foulard", "Pañuelo", "Scarf", "围巾"},
		{"Mala", "Tasche", "Sac", "Bolso", "Bag", "手提包"}},
	subMACO: {{"Sobretudo", "Wintermantel", "Pardessus", "Abrigo", "Overcoat", "男士大衣"},
		{"Blusão", "Jacke", "Blouson", "Chaqueta", "Jacket", "夹克"}},
	subMASW: {{"Camisola", "Pullover", "Pull", "Jersey", "Sweater", "男士毛衣"},
		{"Sweatshirt", "Sweatshirt", "Sweat-shirt", "Sudadera", "Sweatshirt", "卫衣"}},
	subMAT: {{"T-shirt", "T-Shirt", "T-shirt", "Camiseta", "T-shirt", "男士T恤"},
		{"Polo", "Poloshirt", "Polo", "Polo", "Polo shirt", "Polo衫"}},
	subMASH: {{"Camisa", "Hemd", "Chemise", "Camisa", "Shirt", "男士衬衫"},
		{"Camisa de manga curta", "Kurzarmhemd", "Chemise à manches courtes", "Camisa de manga corta", "Short-sleeved shirt", "短袖衬衫"}},
	subMAPA: {{"Calças", "Hose", "Pantalon", "Pantalón", "Trousers", "男士长裤"},
		{"Calças de bolsos", "Cargohose", "Pantalon cargo", "Pantalón cargo", "Cargo trousers", "工装裤"}},
	subMASU: {{"Fato", "Anzug", "Costume", "Traje", "Suit", "男士西装"},
		{"Blazer", "Sakko", "Veste de costume", "Americana", "Blazer", "男士西装外套"}},
	subMASP: {{"Calças de treino", "Trainingshose", "Pantalon de sport", "Pantalón de chándal", "Track trousers", "运动裤"},
		{"Casaco de treino", "Trainingsjacke", "Veste de sport", "Chaqueta de chándal", "Track jacket", "运动外套"}},
	subMAUN: {{"Boxers", "Boxershorts", "Caleçon", "Bóxer", "Boxer shorts", "平角裤"},
		{"Pijama", "Schlafanzug", "Pyjama", "Pijama", "Pajamas", "男士睡衣"}},
	subMAAC: {{"Cinto", "Gürtel", "Ceinture", "Cinturón", "Belt", "腰带"},
		{"Boné", "Schirmmütze", "Casquette", "Gorra", "Cap", "鸭舌帽"}},
	subCHBA: {{"Body de bebé", "Babybody", "Body bébé", "Body de bebé", "Baby bodysuit", "婴儿连体衣"},
		{"Babygrow", "Strampler", "Grenouillère", "Pelele", "Romper", "婴儿爬服"}},
	subCHGI: {{"Vestido infantil", "Kinderkleid", "Robe enfant", "Vestido infantil", "Kids' dress", "童装连衣裙"},
		{"T-shirt infantil", "Kinder-T-Shirt", "T-shirt enfant", "Camiseta infantil", "Kids' T-shirt", "童装T恤"}},
	subCHCO: {{"Casaco infantil", "Kindermantel", "Manteau enfant", "Abrigo infantil", "Kids' coat", "儿童大衣"},
		{"Parka infantil", "Kinderparka", "Parka enfant", "Parka infantil", "Kids' parka", "儿童派克大衣"}},
	subCHSW: {{"Camisola infantil", "Kinderpullover", "Pull enfant", "Jersey infantil", "Kids' sweater", "儿童毛衣"},
		{"Sweatshirt infantil", "Kindersweatshirt", "Sweat enfant", "Sudadera infantil", "Kids' sweatshirt", "儿童卫衣"}},
	subCHPA: {{"Pijama infantil", "Kinderschlafanzug", "Pyjama enfant", "Pijama infantil", "Kids' pajamas", "儿童睡衣"},
		{"Roupão infantil", "Kinderbademantel", "Peignoir enfant", "Bata infantil", "Kids' robe", "儿童浴袍"}},
}

// describe returns the description of a product of sub category sub.
func (p *product) describe(sub int) (d phrase) {
	noun, material, detail := &nouns[sub][p.words[0]], &materials[p.words[1]], &details[p.words[2]]
	for i := range d {
		d[i] = noun[i] + " " + material[i] + " " + detail[i]
	}
	d[chinese] = detail[chinese] + material[chinese] + noun[chinese]
	return d
}
