"""Names and words of synthetic members; none belongs to a real person."""

LANGUAGES = {"zh-hans": 45, "zh-CN": 8, "zh-TW": 8, "zh-hant": 6, "en": 26, "es": 3, "ru": 2, None: 2}
"""`language_code` of Telegram's User, with how often it occurs."""

CHINESE = (
    [*"王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"],
    ["老板", "小姐", "总", "先生", "姐", "哥", "掌柜", "女士", "师傅", "同学", "老师", "经理"],
)
ENGLISH = (
    ["Maple", "River", "Cedar", "Harbor", "Willow", "Summit", "Meadow", "Copper", "Juniper", "Falcon"],
    ["Trading", "Goods", "Crafts", "Supply", "Outdoor", "Home", "Toys", "Kitchen", "Lighting", "Textiles"],
)
"""First and last names, drawn separately."""

HOSTILE = (
    "<b>bold</b>",
    "</a><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "Robert'); DROP TABLE members;--",
    "\u202egnirts desrever",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e8\U0001f1f3 \U0001f680",
    "\u200b\u2060\ufeff",
    "Z\u0351\u036b\u0343a\u0369\u0366l\u035bg\u0300o\u0301",
    "W" * 64,
    "& &amp; &lt; \"quoted\" 'single'",
    "line\nbreak\ttab",
)
"""Display names that break careless programs: markup, templates, SQL, right-to-left, joined emoji, invisible, long."""

TALK = {
    "zh": (
        "这款旺季备货多少合适？",
        "刚拿到样品，做工比预期好",
        "海运价又涨了，大家怎么排期？",
        "谢谢，昨天的方法有用",
        "有没有做厨房类目的朋友",
        "退货率降了两个点 🎉",
    ),
    "en": (
        "How many units would you stock for the season?",
        "Samples arrived, better than I hoped",
        "Freight went up again: how do you plan?",
        "Thanks, yesterday's tip worked",
        "Anyone here in kitchenware?",
        "Return rate down two points 🎉",
    ),
}

PROBLEMS = {
    "zh": ("运费太高，利润被吃掉了", "找不到稳定的供应商", "欧盟认证怎么办？<b>急</b>", "价格战打不过 {{ 7*7 }}", "3"),
    "en": ("Shipping eats my margin", "No reliable supplier yet", "EU certificates & labels <?>", "Price war 🥊", "2"),
}
"""Typed answers to "what is your biggest problem?"."""

STOP = {"zh": ("停止", "退订", "停"), "en": ("stop", "STOP", "unsubscribe")}
RESUME = {"zh": ("恢复", "继续"), "en": ("resume", "Resume!")}
BUY = {"zh": ("购买",), "en": ("buy",)}
REFUND = {"zh": ("退款",), "en": ("refund",)}
ASK = {
    "zh": ("我的数据", "语言", "帮助", "繁體中文", "在吗"),
    "en": ("my data", "language", "help", "English", "hello?"),
}
"""What members ask the bot in between: their data, another language, help, or something it cannot know."""
EMOJI = ("👍", "❤", "🔥", "🎉")
