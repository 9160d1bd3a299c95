"""Pages of print in many scripts, drawn as a scanner sees them, each with the text that stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
"""Where fonts of packages and of the user lie."""
SCAN_SIZE = (1240, 1754)
"""A4 at 150 dpi."""
MARGIN_PIXELS = 110
UNASSIGNED = "\U000fffff"
"""A character that no font has."""
NOISE = 6.0


@dataclass(frozen=True)
class Sample:
    """A language: its pack, its script as Tesseract names it, font files that have its letters, and sentences."""

    pack: str
    script: str
    fonts: tuple[str, ...]
    sentences: tuple[str, ...]


_LATIN_FONTS = ("DejaVuSerif.ttf", "LiberationSerif-Regular.ttf", "NotoSerif-Regular.ttf", "LiberationSans-Regular.ttf")

SAMPLES: dict[str, Sample] = {
    "Russian": Sample(
        "rus",
        "Cyrillic",
        ("DejaVuSerif.ttf", "LiberationSerif-Regular.ttf", "NotoSans-Regular.ttf"),
        (
            "Все люди рождаются свободными и равными в своём достоинстве и правах.",
            "Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
            "Вчера вечером в город приехали новые учителя и открыли большую школу для детей нашей деревни.",
            "Каждый человек имеет право на жизнь, на свободу и на личную неприкосновенность.",
            "Договор вступает в силу с момента подписания и действует до 31 декабря 2024 года.",
            "Общая сумма составляет 12 450 рублей, включая налог на добавленную стоимость.",
            "Погода в северных областях остаётся холодной, ожидается снег и сильный ветер.",
            "Никто не должен содержаться в рабстве или в подневольном состоянии.",
            "Никто не должен подвергаться пыткам или жестокому обращению и наказанию.",
            "Библиотека открыта ежедневно с девяти утра до семи вечера, кроме понедельника.",
            "На заседании присутствовали 17 членов комиссии и трое приглашённых экспертов.",
            "Объём этой съёмки превышает 350 фотографий; фильм ещё не проявлен.",
        ),
    ),
    "Ukrainian": Sample(
        "ukr",
        "Cyrillic",
        ("DejaVuSerif.ttf", "LiberationSerif-Regular.ttf", "NotoSans-Regular.ttf"),
        (
            "Усі люди народжуються вільними і рівними у своїй гідності та правах.",
            "Вони наділені розумом і совістю і повинні діяти у відношенні один до одного в дусі братерства.",
            "Кожна людина має право на життя, на свободу і на особисту недоторканність.",
            "Учора ввечері до міста приїхали нові вчителі та відкрили велику школу для дітей.",
            "Договір набирає чинності з моменту підписання і діє до 31 грудня 2024 року.",
            "Загальна сума становить 12 450 гривень, у тому числі податок на додану вартість.",
            "Погода в північних областях залишається холодною, очікується сніг і сильний вітер.",
            "Ніхто не повинен бути в рабстві або у підневільному стані.",
            "Нікого не можна піддавати катуванню або жорстокому поводженню чи покаранню.",
            "Бібліотека відчинена щодня з дев'ятої ранку до сьомої вечора, крім понеділка.",
            "На засіданні були присутні 17 членів комісії та троє запрошених експертів.",
            "Їхній ґанок виходить на південь, а ближче до річки росте старий ясен.",
        ),
    ),
    "Greek": Sample(
        "ell",
        "Greek",
        ("DejaVuSerif.ttf", "LiberationSerif-Regular.ttf", "GFSDidot.otf"),
        (
            "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
            "Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης.",
            "Κάθε άτομο έχει δικαίωμα στη ζωή, την ελευθερία και την προσωπική του ασφάλεια.",
            "Χθες το βράδυ έφτασαν στην πόλη οι νέοι δάσκαλοι και άνοιξαν ένα μεγάλο σχολείο.",
            "Η σύμβαση ισχύει από την ημέρα της υπογραφής της και έως τις 31 Δεκεμβρίου 2024.",
            "Το συνολικό ποσό ανέρχεται σε 12.450 ευρώ, μαζί με τον φόρο προστιθέμενης αξίας.",
            "Ο καιρός στα βόρεια παραμένει κρύος και αναμένονται χιόνια με ισχυρούς ανέμους.",
            "Κανείς δεν επιτρέπεται να ζει υπό καθεστώς δουλείας.",
            "Κανείς δεν επιτρέπεται να υποβάλλεται σε βασανιστήρια ή σε ταπεινωτική μεταχείριση.",
            "Η βιβλιοθήκη είναι ανοιχτή καθημερινά από τις εννέα το πρωί, εκτός από τη Δευτέρα.",
            "Στη συνεδρίαση παρευρέθηκαν 17 μέλη της επιτροπής και τρεις προσκεκλημένοι.",
            "Ήρθε ύστερα από χρόνια στο χωριό όπου έζησε ο παππούς του ως ψαράς.",
        ),
    ),
    "Korean": Sample(
        "kor",
        "Korean",
        ("NanumMyeongjo.ttf", "NanumGothic.ttf", "NanumBarunGothic.ttf"),
        (
            "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
            "인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.",
            "모든 사람은 생명과 신체의 자유와 안전에 대한 권리를 가진다.",
            "어제 저녁 새로운 선생님들이 마을에 도착하여 아이들을 위한 큰 학교를 열었다.",
            "이 계약은 서명한 날부터 효력이 발생하며 2024년 12월 31일까지 유효하다.",
            "총 금액은 부가가치세를 포함하여 12,450원이다.",
            "북부 지방의 날씨는 여전히 춥고 눈과 강한 바람이 예상된다.",
            "어느 누구도 노예 상태 또는 예속 상태에 놓이지 아니한다.",
            "어느 누구도 고문이나 잔혹한 처우 또는 형벌을 받지 아니한다.",
            "도서관은 월요일을 제외하고 매일 아침 아홉 시부터 저녁 일곱 시까지 문을 연다.",
            "회의에는 위원 17명과 초청된 전문가 세 명이 참석하였다.",
            "할머니께서는 옛날에 읽으시던 책들을 깨끗한 상자에 넣어 두셨다.",
        ),
    ),
    "Arabic": Sample(
        "ara",
        "Arabic",
        ("NotoNaskhArabic-Regular.ttf", "Amiri-Regular.ttf", "NotoSansArabic-Regular.ttf"),
        (
            "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
            "وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.",
            "لكل فرد الحق في الحياة والحرية وسلامة شخصه.",
            "وصل المعلمون الجدد مساء أمس إلى المدينة وفتحوا مدرسة كبيرة لأطفال القرية.",
            "يسري هذا العقد من تاريخ التوقيع عليه ويبقى نافذا حتى نهاية السنة القادمة.",
            "المبلغ الإجمالي يشمل ضريبة القيمة المضافة ورسوم النقل والتأمين.",
            "الطقس في المناطق الشمالية ما زال باردا ومن المتوقع سقوط الثلوج.",
            "لا يجوز استرقاق أو استعباد أي شخص في أي مكان.",
            "لا يجوز تعريض أي إنسان للتعذيب أو للمعاملة القاسية.",
            "تفتح المكتبة أبوابها يوميا من الصباح حتى المساء ما عدا يوم الجمعة.",
            "حضر الاجتماع أعضاء اللجنة وثلاثة من الخبراء المدعوين.",
            "وضعت جدتي الكتب القديمة في صندوق نظيف قرب النافذة.",
        ),
    ),
    "Hebrew": Sample(
        "heb",
        "Hebrew",
        ("NotoSerifHebrew-Regular.ttf", "DejaVuSans.ttf", "FreeSerif.ttf", "NotoSansHebrew-Regular.ttf"),
        (
            "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
            "כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה.",
            "לכל אדם יש הזכות לחיים, לחירות ולביטחון אישי.",
            "אתמול בערב הגיעו לעיר מורים חדשים ופתחו בית ספר גדול לילדי הכפר.",
            "ההסכם נכנס לתוקף ביום החתימה ותקף עד סוף השנה הבאה.",
            "הסכום הכולל כולל מס ערך מוסף ודמי משלוח.",
            "מזג האוויר בצפון נשאר קר וצפויים שלג ורוחות חזקות.",
            "לא יהיה אדם עבד או משועבד בשום מקום.",
            "לא יהיה אדם נתון לעינויים ולא ליחס אכזרי או משפיל.",
            "הספרייה פתוחה בכל יום מהבוקר עד הערב, מלבד יום שבת.",
            "בישיבה השתתפו חברי הוועדה ושלושה מומחים שהוזמנו.",
            "סבתא שמה את הספרים הישנים בתוך ארגז נקי ליד החלון.",
        ),
    ),
    "Hindi": Sample(
        "hin",
        "Devanagari",
        ("NotoSerifDevanagari-Regular.ttf", "Lohit-Devanagari.ttf", "NotoSansDevanagari-Regular.ttf"),
        (
            "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
            "उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।",
            "प्रत्येक व्यक्ति को जीवन, स्वाधीनता और वैयक्तिक सुरक्षा का अधिकार है।",
            "कल शाम नए शिक्षक शहर में आए और उन्होंने गाँव के बच्चों के लिए एक बड़ा विद्यालय खोला।",
            "यह समझौता हस्ताक्षर के दिन से लागू होगा और अगले वर्ष के अंत तक चलेगा।",
            "कुल राशि में कर और परिवहन का खर्च भी शामिल है।",
            "उत्तरी क्षेत्रों में मौसम ठंडा बना हुआ है और तेज हवाओं की संभावना है।",
            "कोई भी गुलामी या दासता की हालत में नहीं रखा जाएगा।",
            "किसी को भी शारीरिक यातना या क्रूर व्यवहार का सामना नहीं करना पड़ेगा।",
            "पुस्तकालय सोमवार को छोड़कर प्रतिदिन सुबह से शाम तक खुला रहता है।",
            "बैठक में समिति के सभी सदस्य और तीन आमंत्रित विशेषज्ञ उपस्थित थे।",
            "दादी ने पुरानी किताबें खिड़की के पास एक साफ बक्से में रख दीं।",
        ),
    ),
    "Thai": Sample(
        "tha",
        "Thai",
        ("NotoSerifThai-Regular.ttf", "NotoLoopedThai-Regular.ttf", "Loma.ttf", "Garuda.ttf"),
        (
            "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
            "ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ",
            "ทุกคนมีสิทธิในการดำรงชีวิต เสรีภาพ และความมั่นคงแห่งตัวตน",
            "เมื่อวานตอนเย็นครูคนใหม่มาถึงเมืองและเปิดโรงเรียนใหญ่สำหรับเด็กในหมู่บ้าน",
            "สัญญานี้มีผลใช้บังคับตั้งแต่วันที่ลงนามจนถึงสิ้นปีหน้า",
            "จำนวนเงินทั้งหมดรวมภาษีมูลค่าเพิ่มและค่าขนส่งแล้ว",
            "อากาศทางภาคเหนือยังคงหนาวเย็นและคาดว่าจะมีลมแรง",
            "บุคคลใดจะถูกบังคับให้เป็นทาสหรืออยู่ในภาวะจำยอมไม่ได้",
            "บุคคลใดจะถูกทรมานหรือได้รับการปฏิบัติที่โหดร้ายไม่ได้",
            "ห้องสมุดเปิดทุกวันตั้งแต่เช้าจนถึงเย็น ยกเว้นวันจันทร์",
            "ในการประชุมมีกรรมการและผู้เชี่ยวชาญที่ได้รับเชิญเข้าร่วม",
            "คุณยายเก็บหนังสือเก่าไว้ในกล่องสะอาดใกล้หน้าต่าง",
        ),
    ),
    "Vietnamese": Sample(
        "vie",
        "Vietnamese",
        ("DejaVuSerif.ttf", "NotoSerif-Regular.ttf", "NotoSans-Regular.ttf"),
        (
            "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
            "Mọi con người đều được tạo hóa ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu.",
            "Ai cũng có quyền được sống, tự do và an toàn thân thể.",
            "Tối hôm qua các thầy giáo mới đã đến thành phố và mở một trường học lớn cho trẻ em trong làng.",
            "Hợp đồng có hiệu lực kể từ ngày ký và kéo dài đến hết ngày 31 tháng 12 năm 2024.",
            "Tổng số tiền là 12.450 đồng, đã bao gồm thuế giá trị gia tăng và phí vận chuyển.",
            "Thời tiết ở miền Bắc vẫn còn lạnh, dự báo có mưa nhỏ và gió mạnh.",
            "Không ai bị cưỡng bức làm nô lệ hay tôi đòi dưới mọi hình thức.",
            "Không một ai phải chịu cực hình, tra tấn hay bị đối xử tàn bạo.",
            "Thư viện mở cửa hằng ngày từ chín giờ sáng đến bảy giờ tối, trừ thứ Hai.",
            "Tham dự cuộc họp có 17 ủy viên và ba chuyên gia được mời.",
            "Bà ngoại cất những quyển sách cũ vào chiếc hộp sạch cạnh cửa sổ.",
        ),
    ),
    "Czech": Sample(
        "ces",
        "Latin",
        _LATIN_FONTS,
        (
            "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.",
            "Jsou nadáni rozumem a svědomím a mají spolu jednat v duchu bratrství.",
            "Každý má právo na život, svobodu a osobní bezpečnost.",
            "Včera večer přijeli do města noví učitelé a otevřeli velkou školu pro děti z naší vesnice.",
            "Smlouva nabývá účinnosti dnem podpisu a platí do 31. prosince 2024.",
            "Celková částka činí 12 450 korun včetně daně z přidané hodnoty.",
            "Počasí v severních oblastech zůstává chladné, očekává se sníh a silný vítr.",
            "Nikdo nesmí být držen v otroctví nebo v nevolnictví.",
        ),
    ),
    "English": Sample(
        "eng",
        "Latin",
        _LATIN_FONTS,
        (
            "All human beings are born free and equal in dignity and rights.",
            "They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.",
            "Everyone has the right to life, liberty and security of person.",
            "Yesterday evening the new teachers came to town and opened a large school for the children.",
            "The contract enters into force on the day of its signature and ends on 31 December 2024.",
            "The total amount is 12,450 pounds, including value added tax and carriage.",
            "The weather in the northern districts remains cold, and snow with strong winds is expected.",
            "No one shall be held in slavery or servitude.",
        ),
    ),
    "German": Sample(
        "deu",
        "Latin",
        _LATIN_FONTS,
        (
            "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
            "Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
            "Jeder hat das Recht auf Leben, Freiheit und Sicherheit der Person.",
            "Gestern Abend kamen die neuen Lehrer in die Stadt und eröffneten eine große Schule.",
            "Der Vertrag tritt am Tag der Unterzeichnung in Kraft und gilt bis zum 31. Dezember 2024.",
            "Der Gesamtbetrag beläuft sich auf 12.450 Euro einschließlich der Umsatzsteuer.",
            "Das Wetter im Norden bleibt kalt, es wird Schnee und starker Wind erwartet.",
            "Niemand darf in Sklaverei oder Leibeigenschaft gehalten werden.",
        ),
    ),
}
"""The languages by name. Each has numbers and punctuation in some of its sentences."""


def find_font(sample: Sample, choice: int = 0) -> Path | None:
    """Return the file of one of the installed fonts that have all signs of a language, by its number; None if none has."""
    found = [path for name in sample.fonts for folder in FONT_FOLDERS for path in sorted(folder.rglob(name))[:1]]
    whole = [path for path in found if _draws(path, "".join(sorted(set("".join(sample.sentences)))))]
    return whole[choice % len(whole)] if whole else None


@cache
def _draws(path: Path, signs: str) -> bool:
    """Return whether a font draws each of these characters: fonts of a script alone may lack the comma and the full stop."""
    font = ImageFont.truetype(path, 20, layout_engine=ImageFont.Layout.BASIC)
    missing = bytes(font.getmask(UNASSIGNED))
    return not any(bytes(font.getmask(sign)) == missing for sign in signs if not sign.isspace())


def missing_for(name: str) -> str:
    """Return why pages of the language cannot be drawn here; empty if they can."""
    if not features.check("raqm"):
        return "Pillow has no Raqm, which joins and orders letters"
    return "" if find_font(SAMPLES[name]) else f"no font with the letters of {name} is installed: {SAMPLES[name].fonts[0]}"


def draw_page(*names: str, seed: int = 0, size: int = 32, lines: int = 24) -> tuple[Image.Image, list[str]]:
    """Return a scanned page and its lines. Several languages alternate by the sentence.

    ``seed`` chooses fonts, the order of the sentences and the noise. Raises ValueError if a font is missing.
    """
    random = np.random.default_rng(seed)
    page = Image.new("L", SCAN_SIZE, 244)
    pen = ImageDraw.Draw(page)
    fonts = {name: _load_font(name, seed, size) for name in names}
    orders = {name: iter(random.permutation(len(SAMPLES[name].sentences)).tolist() * lines) for name in names}
    written: list[str] = []
    top, number = 90, 0
    while len(written) < lines:
        name = names[number % len(names)]
        for line in _wrap(SAMPLES[name].sentences[next(orders[name])], fonts[name])[: lines - len(written)]:
            anchor, edge = ("ra", SCAN_SIZE[0] - MARGIN_PIXELS) if _runs_left(name) else ("la", MARGIN_PIXELS)
            pen.text((edge, top), line, fill=25, font=fonts[name], anchor=anchor)
            written.append(line)
            top += round(size * 1.9)
        number += 1
    return _scan(page, random), written


def _runs_left(name: str) -> bool:
    return SAMPLES[name].script in {"Arabic", "Hebrew"}


def _load_font(name: str, seed: int, size: int) -> ImageFont.FreeTypeFont:
    path = find_font(SAMPLES[name], seed)
    if path is None:
        raise ValueError(missing_for(name))
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.RAQM)


def _wrap(sentence: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """Return the sentence as lines of the page's width. Thai, which has no spaces, is left whole."""
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= SCAN_SIZE[0] - 2 * MARGIN_PIXELS or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _scan(page: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return the page slightly blurred and with the noise of a scanner."""
    grey = np.asarray(page.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
    noisy = grey + random.normal(0, NOISE, grey.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).convert("RGB")
