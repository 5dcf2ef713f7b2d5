/*
 * The lists stand in ordinary spelling and are folded into one hash table at the first use.
 * Left out on purpose: words that are a subject in a company's documents ("work", "year", "été").
 */
#include "index/stopwords.h"

#include <pthread.h>
#include <string.h>

#include "index/base/err.h"
#include "index/base/hash.h"
#include "index/fold.h"

const char *const stop_codes[N_STOP_LANGUAGES] = {"en", "de", "fr", "es", "it", "nl", "pt", "ru",
	"sv", "da", "no", "fi", "hu", "ro", "tr", "ca", "id", "pl", "cs", "uk", "ar", "el", "hi"};

static const char *const lists[N_STOP_LANGUAGES] = {
	[STOP_EN] =
		"a about above after again against all also am an and any are aren't as at be "
		"because been before being below between both but by can can't cannot could "
		"couldn't did didn't do does doesn't doing don't down during each either else ever "
		"every few for from further get gets got had hadn't has hasn't have haven't having "
		"he her here hers herself him himself his how i if in into is isn't it its itself "
		"just let may me might more most much many must mustn't my myself neither no nor "
		"not "
		"now of off on once only onto or other otherwise our ours ourselves out over own "
		"per please quite rather same shall she should shouldn't since so some such than "
		"that the their theirs them themselves then there therefore these they this those "
		"though through thus to too under until up upon us very via was wasn't we were "
		"weren't what whatever when whenever where whereas whether which while who whoever "
		"whom whose why will with within without won't would wouldn't yet you your yours "
		"yourself yourselves tell",
	[STOP_DE] =
		"ab aber alle allem allen aller alles als also am an ander andere anderem anderen "
		"anderer anderes auch auf aus bei beim bereits bin bis bist bitte da dabei dadurch "
		"dafür daher damit dann daran darauf daraus darf dürfen darin darüber darum das "
		"dass dasselbe davon dazu dein deine deinem deinen deiner dem demselben den denen "
		"denn denselben der deren derer derselbe derselben des desselben dessen dich die "
		"dies diese dieselbe dieselben diesem diesen dieser dieses dir doch dort du durch "
		"ein eine einem einen einer eines einig einige einigem einigen einiger einiges "
		"einmal er es etwa etwas euch euer eure eurem euren eurer falls für gegen gibt "
		"hab habe haben hat hatte hatten hätte hätten hier hin hinter ich ihm ihn ihnen "
		"ihr ihre ihrem ihren ihrer ihres im in indem ins ist ja jede jedem jeden jeder "
		"jedes jedoch jene jenem jenen jener jenes jetzt kann kannst kein keine keinem "
		"keinen keiner können könnte könnten machen man manche manchem manchen mancher "
		"manches mehr mein meine meinem meinen meiner mich mir mit muss müssen musste nach "
		"nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner "
		"seines seit selbst sich sie sind so sobald solche solchem solchen solcher "
		"soll sollen sollte sollten sondern sonst soweit sowie über um und uns unser "
		"unsere unserem unseren unserer unter viel viele vielen vom von vor während wann "
		"war waren wäre warum was weg weil weiter welche welchem welchen welcher welches "
		"wenn wer werde werden wessen wie wieder wieso wieviel will wir wird wirst wo "
		"wollen wollte woran worauf worin wozu würde würden zu zum zur zwar zwischen",
	[STOP_FR] =
		"à afin ai aie ainsi alors après as au aucun aucune aussi autre autres aux avaient "
		"avait avant avec avez avoir avons ayant bien c car ce ceci cela celle celles "
		"celui "
		"cependant certain certaine certaines certains ces cet cette ceux chaque chez ci "
		"comme comment d dans de depuis des donc dont du elle elles en encore entre es est "
		"et étaient était étant être eu eux fait faire faut font fut hors ici il ils j je "
		"jusqu jusque l la là laquelle le lequel les lesquelles lesquels leur leurs lors "
		"lorsqu lorsque lui m ma mais me même mêmes mes moi moins mon n ne ni non nos "
		"notre "
		"nous on ont ou où par parce pas pendant peu peut peuvent plus pour pourquoi "
		"puisqu puisque qu quand que quel quelle quelles quelqu quels qui quoi s sa sans "
		"se "
		"selon sera seront ses si sinon soi soient sois soit sommes son sont sous suis sur "
		"t ta tandis te tel telle telles tels tes toi ton tous tout toute toutes très trop "
		"tu un une va vers via voici voilà vos votre vous y",
	[STOP_ES] =
		"a al algo alguna algunas alguno algunos ambos ante antes aquel aquella aquellas "
		"aquellos aquí así aun aunque bajo bien cada como cómo con contra cual cuál cuales "
		"cuáles cualquier cuando cuándo cuanta cuánta cuantas cuántas cuanto cuánto "
		"cuantos "
		"cuántos de debe deben del desde donde dónde dos durante e el él ella ellas ello "
		"ellos en entonces entre era eran es esa esas ese eso esos esta está estaba estado "
		"están estar estas este esto estos fue fueron ha había haber han has hasta hay he "
		"incluso la las le les lo los más me mediante mi mí mientras mis mismo mismos muy "
		"nada ni no nos nosotros nuestra nuestras nuestro nuestros nunca o os otra otras "
		"otro otros para pero poco por porque puede pueden pues que qué quién quien "
		"quienes "
		"se sea sean según ser será si sí sido siempre sin sino sobre somos son soy su sus "
		"suya suyo tal también tampoco tan tanto te tener tengo ti tiene tienen toda todas "
		"todavía todo todos tu tú tus un una unas uno unos usted ustedes vosotros y ya yo",
	[STOP_IT] =
		"a ad agli ai al alcuna alcune alcuni alcuno all alla alle allo allora altra altre "
		"altri altro anche ancora aveva avere abbiamo bensì c ce che chi ci ciascun ciò "
		"coi col come con contro cosa così cui d da dagli dai dal dall dalla dalle dallo "
		"degli dei del dell della delle dello dentro deve devono di dopo dove dunque "
		"durante "
		"e è ed egli era erano essa esse essere essi esso fa fare fino fra gli ha hai "
		"hanno "
		"ho i il in infatti inoltre io l la le lei li lo loro lui ma me mentre mi mia mie "
		"miei mio molti molto ne negli nei nel nell nella nelle nello nessun nessuna noi "
		"non nostra nostre nostri nostro o od ogni oltre oppure ora per perché però più "
		"poi possono può prima proprio qual quale quali qualsiasi quando quanta quante "
		"quanti "
		"quanto quella quelle quelli quello quest questa queste questi questo qui quindi "
		"se "
		"secondo sei senza si sia siamo siano solo sono sopra sotto sta stata state stati "
		"stato su sua sue sugli sui sul sull sulla sulle sullo suo suoi tale tali tra tu "
		"tua "
		"tue tuo tuoi tutta tutte tutti tutto un una uno v verso vi voi vostra vostre "
		"vostri "
		"vostro",
	[STOP_NL] =
		"aan achter al alle als alsof ander andere anders behalve bij binnen buiten daar "
		"daarna daarom dan dat de der deze die dit doch doen door dus een echter eens en "
		"enkele er ge geen ge haar had hadden heb hebben hebt heeft hem het hier hij hoe "
		"hoeveel hun ik in indien is ja je jij jou jouw jullie kan kon konden kunnen kunt "
		"maar me mee meer men met mij mijn mocht moet moeten mogen na naar naast nadat "
		"niet "
		"niets noch nog nu of om omdat omtrent onder ons onze ook op over reeds samen "
		"sinds "
		"steeds te tegen ten tenzij ter terwijl toch toen tot totdat tussen u uit uw van "
		"vanaf vanuit veel via voor voordat waar waarbij waardoor waarin waarom wanneer "
		"want "
		"waren was wat weer wel welk welke werd werden wezen wie wij wil word worden wordt "
		"zal ze zei zelf zich zij zijn zo zoals zodat zonder zou zouden zulke zullen",
	[STOP_PT] =
		"a à ainda algum alguma algumas alguns ao aos apenas após aquela aquelas aquele "
		"aqueles aquilo as às assim até cada com como contra cuja cujas cujo cujos da das "
		"de dela delas dele deles depois desde dessa desse desta deste deve devem do dos "
		"durante e é ela elas ele eles em enquanto então entre era eram essa essas esse "
		"esses esta está estamos estão estar estas estava este estes estou eu foi foram há "
		"isso isto já lhe lhes lo mais mas me mediante mesma mesmas mesmo mesmos meu meus "
		"minha minhas muita muitas muito muitos na não nas nem nenhum nenhuma no nos nós "
		"nossa nossas nosso nossos num numa o onde os ou outra outras outro outros para "
		"pela pelas pelo pelos perante pode podem pois por porém porque pouco qual quais "
		"qualquer quando quanta quantas quanto quantos que quê quem são se seja sejam sem "
		"sempre sendo ser será serão seu seus si sido sob sobre sua suas também tão te tem "
		"têm tenho ter teu tinha toda todas todo todos tu tua um uma umas uns você vocês "
		"vos",
	[STOP_RU] =
		"а без более больше будет будто будут бы был была были было быть в вам вас ваш "
		"ваша "
		"ваше ваши вдруг ведь весь во вот все всё всего всей всем всех всю вы где да даже "
		"для до его ее её ей ему если есть еще ещё ж же за здесь и из или им имеет иметь "
		"их "
		"к ка каждый как какая какие какой каком когда кого кому которая которого которое "
		"которой которые который которых кто куда ли либо лишь м между меня мне много "
		"может "
		"можно мой моя мы на над надо нам нас наш наша наше наши не него нее неё ней "
		"нельзя "
		"нет неужели ни нибудь никогда ним них ничего но ну о об обо один однако он она "
		"они "
		"оно от ото перед по под пока после потом потому почему почти при про разве с сам "
		"сама сами само свое своего своей свои свой свою себе себя сейчас сколько со так "
		"также такая такие такое такой там те тебе тебя тем теперь то тогда того тоже той "
		"только том тот точно тут ты у уж уже хорошо хоть чего чей чем через что чтоб "
		"чтобы "
		"чье эта эти этим этих это этого этой этом этот эту я является",
	[STOP_SV] =
		"alla allt än andra än är åt att av bara blev bli blir blivit då dag där de dem "
		"den "
		"denna deras dess dessa det detta dig din dina ditt du efter eftersom eller en er "
		"era ert ett få får finns för före från genom gör ha hade hade han hans har henne "
		"hennes här hon honom hos hur i icke igen in inga ingen inget innan inom inte ja "
		"jag "
		"kan kunde kunna man många med mellan men mer mig min mina mitt mot mycket måste "
		"när "
		"någon något några ni nu och också om oss på så sådan sådana samma samt sedan sig "
		"sin sina sitt själv ska skall skulle som till under upp ur ut utan vad vår våra "
		"vårt var varför varit varje vars vem vid vilka vilkas vilken vilket",
	[STOP_DA] = "af aldrig alle allerede alt altid anden andet andre at bare begge "
		    "blev blive bliver da de dem den denne der deres det dette dig din "
		    "dine dit dog du efter ej eller en end er et før fordi fra få får "
		    "gennem gør han hans har havde have hende hendes her hos hun hvad "
		    "hvem hver hvilke hvilken hvilket hvis hvor hvordan hvorfor hvornår i "
		    "igen ikke imellem imod ind ingen inden intet jeg jer jeres jo kan "
		    "kun kunne lidt man mange med meget mellem men mens mere mig min "
		    "mindre mine mit mod må måske ned nej noget nogen nogle nu når og "
		    "også om omkring op os over på samt selv sig sin sine sit skal skulle "
		    "som stadig sådan så til ud uden under var ved vi vil ville vor vores "
		    "være været",
	[STOP_NO] = "alle allerede alt altså andre annen annet at av bare begge ble bli "
		    "blir blitt da de deg den denne dere deres det dette din ditt dine "
		    "disse du eller en enn er et etter fikk flere for fordi fra før få "
		    "får ganske gjennom gjør ha hadde han hans har hennes her hos hun hva "
		    "hvem hver hvilke hvilken hvilket hvis hvor hvordan hvorfor i igjen "
		    "ikke ingen inn jeg kan kunne man mange med meg mellom men mens mer "
		    "min mine mitt mot mye må måtte ned ni noe noen nå når og også om opp "
		    "oss over på selv seg siden sin sine sitt skal skulle slik som så til "
		    "under ut uten var ved vi vil ville være vært vår våre",
	[STOP_FI] = "aina ainoa alla asti edes ei eikä eivät ellei en ennen ensi että hän "
		    "hänen häntä he heidän heidät heitä hyvin ilman itse ja jo joka joko "
		    "jokin jolla jolle jonka jossa josta jota jotka jotta joten jos "
		    "kaikki kanssa kautta keitä ken kenen kenelle kenet keneltä ketkä "
		    "koko koska koskaan kuin kuinka kuitenkin kuka kukaan kun kunnes "
		    "lisäksi luona lähes me meidän meidät meille meitä mihin mikä mikään "
		    "miksi millä millainen milloin minkä minun minut minä missä mistä "
		    "miten mitkä mitä molemmat monta muassa mukaan mutta muu muun muut "
		    "myös ne niiden niin niissä niitä niille noin nuo näiden näitä nämä "
		    "ole olen olet olevan oli olisi olivat olla on ovat paljon pitää "
		    "poikki se sekä sen siellä siihen siinä siis siitä sille sillä sinun "
		    "sinä sitä sitten tai te teidän tulee tuo tuon tähän tällä tämä tämän "
		    "tässä tästä tätä täällä vaan vai vaikka vain vielä voi voidaan "
		    "voivat yli",
	[STOP_HU] = "a ahogy ahol aki akik akkor alatt által általában amely amelyek "
		    "amelyet ami amíg amikor át az azok azon azonban azt aztán azután be "
		    "bele benne csak de e eddig egész egy egyes egyéb egyik előtt el "
		    "ellen én éppen és ez ezek ezen ezért ezt ezzel fel felé ha hanem "
		    "hogy hogyan hol hozzá hány igen így ill illetve ilyen is itt jól "
		    "kell kellett ki kívül között közül le legalább legyen lehet lehetett "
		    "lenne lesz lett maga már más mely melyek mert mi miatt mielőtt mikor "
		    "milyen minden mindig mint mintha mit mivel most ne néha nekem neki "
		    "nélkül nem nincs ő ők olyan on ott össze pedig persze rá s saját sem "
		    "semmi sok sokkal számára szerint szinte talán tehát teljes több "
		    "tovább továbbá úgy ugyanis új után utána utolsó vagy vagyis valaki "
		    "valamely valamint való van vannak volna volt voltak vissza",
	[STOP_RO] = "acea aceasta această aceea acei aceia acel acela acele acelea acest "
		    "acesta aceste acestea acești aceștia acolo acum ai aia al ale alt "
		    "alta altă altceva alte altele alți altul am ar are asta astfel așa "
		    "atunci au avea avem aveți azi ca că căci când care cărei cărui cât "
		    "câte câți către ce cel cele cei cine cineva cu cum da dacă dar de "
		    "deci deja din dintr după ea ei el ele era este eu fără fi fie "
		    "fiecare fiind foarte fost iar îi îl îmi în înainte încât încă între "
		    "îți la le li lor lui mai mea mei mele meu mi mult multe mulți ne "
		    "nici nimeni niște noastră noastre noi noștri nostru nu numai o or "
		    "ori pe pentru peste poate pot prea prin sa să sale săi său se și "
		    "sînt sub sunt suntem sus ta tale te toată toate tot toți totuși tu "
		    "un una unde unei unele unii unor unui va vă voi vom vor vostru",
	[STOP_TR] = "acaba ama ancak artık asla aslında ayrıca az bana bazen bazı belki "
		    "ben beni benim bile bir biraz birçok biri birkaç birşey biz bizi "
		    "bizim böyle bu buna bunda bundan bunlar bunu bunun burada bütün çok "
		    "çünkü da daha dahi de defa değil diğer diye dolayı dolayısıyla eğer "
		    "en fakat gibi göre hangi hangisi hatta hem henüz hep hepsi her "
		    "herhangi herkes hiç hiçbir için ile ise işte itibaren kadar karşı "
		    "kendi kendine kez ki kim kimse mı mi mu mü nasıl ne neden nedenle "
		    "nerede nereye niçin niye o olan olarak oldu olduğu olması olmayan "
		    "olmak olsa olur ona ondan onlar onların onu onun öyle pek rağmen "
		    "sadece sanki sen siz sonra şayet şey şöyle şu tarafından tüm üzere "
		    "var ve veya ya yani yerine yine yok zaten nedir kaç",
	[STOP_CA] = "a això al algun alguna algunes alguns als altra altre altres amb "
		    "aquell aquella aquelles aquells aquest aquesta aquestes aquests ara "
		    "així abans bé cada cap com contra d de del dels des després doncs "
		    "durant el ella elles ells els em en encara ens entre era eren érem "
		    "és ésser està estan estava et fa fan fer fins ha han havia he hem "
		    "heu hi ho i jo l la les li llavors lo m ma mateix mateixa més meu "
		    "meva molt molta molts mentre n ni no nosaltres nostra nostre o on "
		    "ell per perquè però poc pot poden pels pel podem qual quals quan "
		    "quant que què quin quina quins quines qui s sa se segons sense ser "
		    "serà seu seva seus si sí sobre som són sota tan tant també te tenen "
		    "té teu teva tot tota totes tots un una unes uns us va van vosaltres "
		    "vostra",
	[STOP_ID] = "ada adalah agar akan aku anda antara apa apabila apakah atas atau "
		    "bagaimana bagi bahwa banyak beberapa begitu belum berapa bisa boleh "
		    "bukan dalam dan dapat dari daripada dengan di dia dimana harus hanya "
		    "hingga ia ini itu jadi jangan jika juga kalau kami kamu kapan karena "
		    "ke kemudian kepada ketika kita lagi lain lalu lebih maka mana masih "
		    "melalui mengapa mereka merupakan misalnya namun oleh pada paling "
		    "para per pernah pula saat saja sambil sampai sangat saya sebab "
		    "sebagai sebelum sebuah secara sedang sehingga sejak selama semua "
		    "seorang seperti serta sesuatu setelah setiap siapa suatu sudah "
		    "supaya tanpa telah tentang terhadap tersebut tetapi tidak untuk "
		    "yaitu yakni yang",
	[STOP_PL] = "a aby ale albo ani bardzo bez bo by być był była było były będzie "
		    "będą chociaż ci co coś czego czemu czy czyli dla do dlaczego dlatego "
		    "gdy gdyby gdzie go i ich ile im inne inny innych iż ja jak jaka "
		    "jakie jaki jakiś je jeden jednak jednakże jego jej jemu jest jestem "
		    "jeszcze jeśli jeżeli już każda każde każdy kiedy kilka kto która "
		    "które którego której który których którym którzy ku lub ma mają mam "
		    "mi mimo między mnie może można moje musi my na nad nam nami nas nasz "
		    "nasza nasze natomiast nawet nic nich nie niego niej nim niż no o od "
		    "on ona one oni oraz po pod podczas ponieważ poza przed przez przy "
		    "również są się skąd sobie swoje ta tak taka taki takie także tam te "
		    "tego tej temu ten też to tu twój ty tych tylko tym u w wam was wasz "
		    "wiele więc wszystkie wszystko wy z za zaś ze że żeby",
	[STOP_CS] = "a aby ačkoli aj ale anebo ani aniž ano asi až během bez beze bude "
		    "budou bych byl byla byli bylo byly bys být co což či další dnes do "
		    "ho i já jak jako jaká jaké jaký je jeho jej její jejich jen ještě "
		    "jenž ji jím jiné již jsem jsi jsme jsou jste k kam každý kde kdo "
		    "když ke která které kterou který kteří ku má mají mě mezi mi mít "
		    "mnou můj může my na nad nám nás náš naše ne nebo nebyl něco nejsou "
		    "není než nic nich ním o od ode on ona oni ono pak po pod podle pokud "
		    "potom pouze pro proč proto protože před přes při s se si sice svůj "
		    "svých ta tak také takže tam te tedy ten tento této tím tímto to toho "
		    "tohoto tomto tomu tu tuto ty tyto u už v vám vás váš ve však všechny "
		    "vy z za zda zde ze že kolik",
	[STOP_UK] = "а або але б без би був була були було бути в вам вас ваш ваша ваше "
		    "ваші вже ви від він вона вони воно все всього всі всіх де для до є ж "
		    "за з зі із й його її їм їх і інша інше інші коли кожна кожний кожен "
		    "крім ліше лише ми мене мені мій моя моє мої може можна на над нам "
		    "нас наш наша наше наші не неї ним них ні ніж о об один однак ось під "
		    "після по при про саме себе свої своє своєї своїх сам скільки так "
		    "така таке такий такі там та те ти тим тих то тобі того той тому тут "
		    "у це цей ця ці цього цим через чи чим чого чому що щоб як яка яке "
		    "який яких якщо які",
	[STOP_AR] = "في من على إلى عن مع هذا هذه ذلك تلك هؤلاء الذي التي الذين اللذان "
		    "اللتان اللاتي ما ماذا لماذا متى أين كيف كم أي أية هل لا لم لن ليس "
		    "ليست إن أن إنه أنه أنها إنها كان كانت كانوا يكون تكون هو هي هم هن "
		    "أنا نحن أنت أنتم قد لقد كل بعض غير بين عند عندما حتى إذا إذ لو لولا "
		    "ثم أو أم بل لكن لكنه لكنها كما حيث منذ خلال بعد قبل فوق تحت أمام حول "
		    "دون سوى منه منها منهم فيه فيها فيهم عليه عليها عليهم إليه إليها به "
		    "بها بهم له لها لهم عنه عنها هناك هنا أيضا فقط مثل وهو وهي وهم ومن "
		    "وفي وعلى وإلى وكان وكانت ولا ولم ولكن والتي والذي التى الذى اي او ان "
		    "الى وقد كذلك بسبب لدى ضد نحو ذات كلا نفس أحد إحدى مما فيما عما بما "
		    "لما لأن لأنه",
	[STOP_EL] = "αλλά αν αντί από απο αυτά αυτές αυτή αυτό αυτοί αυτός αυτού αυτούς "
		    "αυτών για δε δεν διότι εάν εγώ εδώ εκεί είμαι είναι είσαι είχε είχαν "
		    "εκείνα εκείνη εκείνο εκείνος εμάς εμείς ένα έναν ένας ενώ επί επειδή "
		    "επίσης εσείς εσύ έτσι έχει έχουμε έχουν ή η ήδη ήταν θα ίδια ίδιο "
		    "ίδιος και κάθε κάποια κάποιο κάποιος κατά κι λοιπόν μα μας με μεταξύ "
		    "μετά μέχρι μη μήπως μην μια μία μόνο μου μπορεί να ναι ο οι όμως "
		    "όπου όπως όσο όταν ότι ούτε όχι πάνω παρά περί πια πιο ποια ποιες "
		    "ποιο ποιοι ποιος ποιους πολύ πόσα πόσο πότε που πού πρέπει πριν προς "
		    "πως πώς σαν σας σε σου στα στη στην στις στο στον στους στων συν τα "
		    "τη την της τι τις το τον τότε του τους των ως",
	[STOP_HI] = "अपना अपनी अपने अब आदि आप इन इस इसका इसकी इसके इसमें इसी इसे उन उनका "
		    "उनकी उनके उनको उस उसका उसकी उसके उसे एवं ऐसा ऐसे और कई कब कभी कर "
		    "करता करते करना करने करें कहाँ का काफी कि कितना कितने कितनी किया किस "
		    "किसी की कुछ के को कोई कौन क्या क्यों गई गए गया जब जा जाता जाती जाते "
		    "जाना जिन जिस जिसे जैसे जो तक तथा तब तरह तो था थी थे दिया दो द्वारा "
		    "नहीं ने पर परंतु फिर बहुत बाद भी मगर में मैं यदि यह यहाँ या ये रहा "
		    "रही रहे लिए लेकिन वह वहाँ वाला वाले वाली वे सकता सकते सब सभी साथ से "
		    "हम ही हुआ हुई हुए है हैं हो होता होती होते होना होने",
};

static const char *const chinese_bigrams = "一个 一些 一种 一下 什么 甚么 怎么 怎样 如何 哪些 哪个 "
					   "哪里 哪儿 那些 那个 那么 这个 这些 这种 "
					   "这样 这里 是否 是不 不是 还是 可以 可否 能否 能够 我们 "
					   "你们 他们 她们 它们 咱们 自己 因为 所以 "
					   "如果 虽然 但是 然而 而且 并且 或者 或是 以及 以便 以上 "
					   "以下 关于 对于 由于 根据 按照 通过 为了 "
					   "为什 么是 多少 几个 多久 有什 有哪 有没 没有 已经 正在 "
					   "就是 也是 都是 只是 只有 只要 应该 应当 "
					   "需要 请问 告诉 吗的 什麼 怎麼 哪裡 這個 那個 這些 我們 "
					   "你們 他們 因為 為了 關於 對於 沒有 還是";
static const char *const chinese_characters =
	"的 了 和 是 在 有 与 與 及 或 也 就 都 而 于 於 之 其 被 把 给 给 吗 嗎 呢 吧 啊 呀 着 著 "
	"过 地 得 "
	"不 这 這 那 个 個 我 你 您 他 她 它 们 們 会 會 能 要 将 將 从 從 对 對 为 為 以 并 並 等 "
	"很 更 最 "
	"还 還 又 再 才 只 但 则 則 若 请 請 么 麼 几 幾 哪 谁 誰 何 所 上 下 中 里 裡";

#define TABLE 8192 /* a power of two, several times the words */
#define WORD_MAX 24

static struct slot {
	char word[WORD_MAX];
	uint32_t languages;
} table[TABLE];
#define CHINESE_BIGRAM (1u << 30)
#define CHINESE_CHARACTER (1u << 31)

/* A part of the hash of the word in that slot, 0 for none: most words are in no list, which 8 KB
 * tell without a look at the slots. */
static uint8_t tags[TABLE];

static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint8_t tag_of(uint64_t hash)
{
	return (uint8_t)(hash >> 56 | 1);
}

static struct slot *find(const char *word, size_t n_bytes)
{
	uint64_t hash = hash64(word, n_bytes);
	size_t i = hash % TABLE;

	while (tags[i]) {
		if (tags[i] == tag_of(hash) && strncmp(table[i].word, word, n_bytes) == 0 &&
			table[i].word[n_bytes] == '\0') {
			return &table[i];
		}
		i = (i + 1) % TABLE;
	}
	return NULL;
}

static struct slot *find_or_add(const char *word, size_t n_bytes)
{
	struct slot *s = find(word, n_bytes);
	uint64_t hash = hash64(word, n_bytes);
	size_t i = hash % TABLE;

	if (s) {
		return s;
	}
	while (tags[i]) {
		i = (i + 1) % TABLE;
	}
	tags[i] = tag_of(hash);
	memcpy(table[i].word, word, n_bytes);
	return &table[i];
}

static void add_word(const char *word, size_t n_bytes, uint32_t flag)
{
	char cased[WORD_MAX * 4], folded[WORD_MAX];
	size_t n = fold_case(word, n_bytes, cased, sizeof(cased));
	size_t len = 0;
	struct slot *s;

	for (size_t i = 0; i < n; i++) { /* "don't" is looked up as "dont" */
		if (cased[i] != '\'') {
			cased[len++] = cased[i];
		}
	}
	len = fold_marks(cased, len, folded, sizeof(folded));
	s = find_or_add(folded, len);
	s->languages |= flag;
}

static void add_list(const char *list, uint32_t flag)
{
	while (*list) {
		size_t n = strcspn(list, " ");

		ASSERT(n > 0 && n < WORD_MAX);
		add_word(list, n, flag);
		list += n + (list[n] == ' ');
	}
}

static void build(void)
{
	for (int i = 0; i < N_STOP_LANGUAGES; i++) {
		add_list(lists[i], 1u << i);
	}
	add_list(chinese_bigrams, CHINESE_BIGRAM);
	add_list(chinese_characters, CHINESE_CHARACTER);
}

static uint32_t lookup(const char *word, size_t n_bytes)
{
	const struct slot *s;

	pthread_once(&once, build);
	s = n_bytes == 0 || n_bytes >= WORD_MAX ? NULL : find(word, n_bytes);
	return s ? s->languages : 0;
}

uint32_t stopword_languages(const char *word, size_t n_bytes)
{
	return lookup(word, n_bytes) & ((1u << N_STOP_LANGUAGES) - 1);
}

bool stopword_chinese(const char *s, size_t n_bytes)
{
	if (lookup(s, n_bytes) & (CHINESE_BIGRAM | CHINESE_CHARACTER)) {
		return true;
	}
	/* Two characters (of three bytes) that are both grammar. */
	return n_bytes == 6 && (lookup(s, 3) & CHINESE_CHARACTER) &&
	       (lookup(s + 3, 3) & CHINESE_CHARACTER);
}
