"""The topic labels, and the words that count for each in English, Chinese and Japanese.

A label has one name in every language, because filters and searches use it. Words are written as
`words.read_words` returns them: lower-case, Han words of one or two characters (longer ones by a
characteristic pair in them), katakana words whole. English plurals are added when the vocabulary is
read. A word belongs to each label that it makes likely alone; words of many topics (time, people,
good) belong to none.
"""

VOCABULARY: dict[str, str] = {
    "programming": """
        code coding python javascript typescript java rust golang function variable compile compiler
        bug debug
        debugging algorithm programming programmer script repository github git refactor exception
        syntax loop
        array string regex backend frontend html css json unittest developer
        代码 编程 程序 函数 变量 算法 编译 调试 脚本 数组 开发 前端 后端 报错 循环 字符
        コード プログラム プログラミング 関数 変数 アルゴリズム デバッグ エラー スクリプト 配列 開発
        コンパイル
        バグ
    """,
    "architecture": """
        architecture microservice monolith scalability scalable infrastructure middleware
        distributed deployment
        kubernetes docker kafka cache caching latency throughput schema
        架构 微服 扩展 部署 容器 缓存 延迟 吞吐 中间
        アーキテクチャ マイクロサービス インフラ スケーラビリティ デプロイ コンテナ キャッシュ 設計
    """,
    "database": """
        database sql postgres postgresql mysql sqlite mongodb redis query queries index transaction
        migration
        数据 据库 查询 索引 事务
        データベース クエリ インデックス トランザクション
    """,
    "ai": """
        ai llm gpt chatgpt claude neural embedding chatbot transformer prompt inference dataset
        智能 神经 训练 机器 聊天
        ニューラル チャットボット 学習 人工 知能 機械 プロンプト
    """,
    "technical": """
        server computer laptop software hardware app website browser internet network wifi phone
        smartphone device
        update install download password windows linux android iphone battery keyboard printer api
        电脑 软件 硬件 网站 网络 手机 服务 安装 下载 密码 系统 浏览 电池 键盘 设备
        サーバー サーバ パソコン ソフト ソフトウェア アプリ サイト ネット インターネット
        ネットワーク スマホ
        パスワード インストール ダウンロード システム ブラウザ 端末 電池
    """,
    "mathematics": """
        math maths mathematics equation algebra geometry calculus triangle probability theorem
        integral derivative
        matrix vertices radius formula polynomial fraction
        数学 方程 几何 概率 定理 积分 导数 矩阵 公式 三角
        数学 方程 幾何 確率 定理 積分 微分 行列 公式
    """,
    "science": """
        science scientific scientist physics chemistry biology experiment laboratory molecule atom
        quantum planet
        galaxy astronomy telescope universe evolution hypothesis dna species
        科学 物理 化学 生物 实验 分子 原子 量子 行星 宇宙 天文 进化
        科学 物理 化学 生物 実験 分子 原子 量子 惑星 宇宙 天文 進化
    """,
    "business": """
        business company startup customer client market marketing sales contract supplier strategy
        competitor
        revenue product meeting negotiation shareholder partnership brand
        公司 企业 客户 市场 营销 销售 合同 供应 战略 产品 会议 创业 品牌 谈判
        会社 企業 顧客 市場 マーケティング 営業 契約 取引 戦略 製品 商品 会議 起業 ブランド 売上
    """,
    "work": """
        job career boss colleague coworker office promotion resume interview workplace employer
        employee overtime
        deadline manager internship profession hiring
        工作 职业 老板 同事 上司 办公 升职 简历 面试 加班 职场 员工 辞职 实习 就业
        仕事 職業 上司 同僚 オフィス 昇進 履歴 面接 残業 職場 社員 退職 転職 就職
    """,
    "finance": """
        money bank banking loan mortgage invest investment investing stock savings budget credit
        debt tax
        taxes salary pension insurance income fund currency
        银行 贷款 投资 股票 储蓄 预算 利息 信用 债务 税务 工资 保险 收入 基金 金融 理财 经济
        銀行 融資 投資 株式 貯金 預金 予算 利息 借金 税金 給料 保険 収入 年金 金融
    """,
    "billing": """
        invoice invoices billing bill bills payment payments refund receipt subscription charge
        charged fee fees
        checkout
        发票 账单 付款 退款 收据 订阅 收费 费用 支付 扣款
        請求 支払 返金 領収 料金 課金 決済 サブスク 明細
    """,
    "shopping": """
        shopping buy purchase store shop mall discount coupon order delivery price cheap expensive
        amazon clothes
        shoes
        购物 商店 商场 打折 优惠 订单 快递 价格 便宜 衣服 鞋子 网购
        買 買物 店 割引 注文 配達 値段 価格 通販 ショッピング セール 服 靴
    """,
    "travel": """
        travel traveling trip vacation flight airport hotel hostel tourist tourism passport visa
        luggage itinerary
        beach sightseeing museum cruise destination airline booking
        旅行 旅游 机票 机场 酒店 宾馆 景点 游玩 门票 签证 行李 度假 航班 游览 海滩
        旅行 観光 飛行 空港 ホテル 旅館 温泉 旅券 荷物 海外 海辺 ツアー パスポート
    """,
    "transport": """
        train subway bus taxi car cars driving drive traffic station bicycle bike parking highway
        ticket fare uber
        火车 地铁 公交 打车 出租 汽车 开车 交通 车站 停车 单车 高铁
        電車 地下 バス タクシー 車 運転 交通 駅 自転 駐車 新幹 切符 渋滞
    """,
    "food": """
        food restaurant dinner lunch breakfast meal delicious taste pizza pasta salad cake bread
        cheese chicken soup
        dessert vegetarian chocolate fruit vegetable
        美食 餐厅 餐馆 晚饭 午饭 早餐 好吃 味道 面条 米饭 蛋糕 火锅 烤鸭 水果 蔬菜 吃饭 饮食
        食事 夕食 昼食 朝食 美味 味 ラーメン 寿司 飯 パン ケーキ レストラン 野菜 果物 カレー パスタ
        サラダ チーズ
        食
    """,
    "cooking": """
        cook cooking recipe chef baking bake oven ingredient dish kitchenware simmer
        做饭 菜谱 烹饪 做菜 食材 厨艺 炒菜 下厨
        料理 レシピ 調理 食材
    """,
    "drinks": """
        coffee tea latte espresso wine beer juice cocktail cafe
        咖啡 奶茶 喝茶 茶叶 红酒 啤酒 果汁 品茶 绿茶
        コーヒー 茶 ワイン ビール ジュース カフェ 酒
    """,
    "health": """
        health healthy doctor hospital medicine medical symptom disease illness pain headache fever
        flu cold
        vitamin surgery patient nurse allergy diet sleep insomnia therapy dentist
        健康 医生 医院 药物 症状 疾病 疼痛 头痛 发烧 感冒 手术 患者 护士 过敏 睡眠 失眠 治疗 牙医
        吃药
        健康 医者 病院 薬 症状 病気 頭痛 熱 風邪 手術 患者 看護 アレルギー 睡眠 不眠 治療 歯医
        ビタミン
    """,
    "fitness": """
        fitness gym workout exercise yoga jogging muscle weights pilates stretching cardio marathon
        running
        健身 锻炼 运动 瑜伽 跑步 肌肉 马拉 减肥
        筋 運動 ジム ヨガ ジョギング 筋肉 マラソン ダイエット ランニング ストレッチ
    """,
    "stress": """
        anxiety anxious stress stressed stressful pressure overwhelmed worry worried nervous afraid
        fear frustrated
        exhausted burnout
        焦虑 压力 紧张 担心 害怕 烦恼 烦躁 疲惫
        不安 ストレス 緊張 心配 悩 疲
    """,
    "sadness": """
        sad sadness depressed depression lonely loneliness grief upset angry cry crying heartbroken
        抑郁 孤独 难过 生气 伤心 痛苦 自卑 委屈 失落 沮丧
        憂鬱 孤独 悲 怒 辛 寂 落込 苦 泣
    """,
    "feelings": """
        emotion emotions emotional mood feelings confidence encouragement
        情绪 情感 心情 迷茫 自信 鼓励
        感情 気分 自信
    """,
    "family": """
        family mother mom father dad parent parents sister brother son daughter kids children
        husband wife
        grandmother grandma grandfather grandpa baby aunt uncle cousin
        家人 家庭 妈妈 爸爸 父母 母亲 父亲 姐姐 妹妹 哥哥 弟弟 儿子 女儿 孩子 丈夫 妻子 老公 老婆
        奶奶 爷爷 宝宝
        家族 母 父 両親 姉 妹 兄 弟 息子 娘 子供 夫 妻 祖母 祖父
    """,
    "relationships": """
        boyfriend girlfriend dating marriage wedding divorce romantic relationship breakup
        friendship partner
        男友 女友 男朋 女朋 恋爱 约会 结婚 婚礼 离婚 分手 爱情 感情 友谊 对象 婚姻
        彼氏 彼女 恋愛 恋人 デート 結婚 離婚 失恋 友情 婚約
    """,
    "education": """
        school university college student teacher professor exam homework degree lecture tuition
        classroom
        scholarship thesis graduation course lesson tutorial classes
        学校 大学 学生 老师 教授 考试 作业 学位 毕业 论文 高考 教育 上课 成绩 考研 课程 教程
        学校 大学 学生 先生 教授 試験 宿題 授業 学位 卒業 論文 受験 教育 成績 高校 勉強 講座
    """,
    "language": """
        language translate translation grammar vocabulary pronunciation english spanish french
        german chinese
        japanese bilingual accent
        语言 翻译 语法 词汇 发音 英语 日语 法语 汉语 单词 口语 句子
        言語 翻訳 文法 単語 発音 英語 中国 仏語 韓国 英会
    """,
    "books": """
        book books novel author reading library poetry poem fiction literature chapter bookstore
        writer biography
        书籍 小说 作者 阅读 读书 图书 诗歌 文学 作家 看书 名著 诗词
        本 小説 著者 読書 図書 詩 文学 作家 書店 漫画 マンガ ミステリー
    """,
    "writing": """
        essay writing paragraph draft edit editing blog headline screenplay story plot character
        narrative
        proofread
        作文 写作 文章 段落 草稿 博客 剧本 故事 情节 角色 标题 润色
        作文 執筆 文章 段落 下書 ブログ 脚本 物語 校正 見出
    """,
    "movies": """
        movie movies film films cinema actor actress director netflix episode tv television oscar
        trailer
        documentary
        电影 影片 影院 演员 导演 电视 剧集 纪录 综艺 连续
        映画 俳優 監督 ドラマ テレビ アニメ シリーズ 番組 ネットフリックス 女優
    """,
    "music": """
        music song songs band concert guitar piano singer singing violin album melody musician
        orchestra rap jazz
        drums
        音乐 歌曲 乐队 演唱 吉他 钢琴 歌手 唱歌 专辑 旋律 小提 听歌
        音楽 曲 バンド コンサート ギター ピアノ 歌手 歌 ライブ アルバム メロディー カラオケ
    """,
    "games": """
        game games gaming gamer playstation xbox nintendo minecraft chess puzzle multiplayer esports
        游戏 玩家 电竞 象棋 围棋 手游
        ゲーム ニンテンドー プレステ 将棋 囲碁 スイッチ 対戦
    """,
    "sports": """
        sports sport football soccer basketball baseball tennis hockey team tournament championship
        athlete
        coach golf swimming skiing league olympics stadium
        体育 足球 篮球 棒球 网球 比赛 冠军 球队 教练 游泳 滑雪 奥运 球员 羽毛
        スポーツ 野球 サッカー バスケ テニス 試合 優勝 選手 監督 水泳 スキー ゴルフ 五輪 チーム
    """,
    "art": """
        art artist painting paint drawing draw sketch gallery sculpture photography camera pottery
        design
        艺术 博物 展览 画家 绘画 画画 素描 画展 雕塑 摄影 照片 相机 陶艺 书法 设计
        芸術 博物 展覧 画家 絵 絵画 美術 彫刻 写真 カメラ 陶芸 書道 アート デザイン イラスト
    """,
    "pets": """
        pet pets dog dogs puppy cat cats kitten hamster parrot rabbit veterinarian vet leash
        宠物 小狗 小猫 狗狗 猫咪 仓鼠 鹦鹉 兔子 兽医 养猫 养狗
        ペット 犬 猫 ハムスター 小鳥 兎 獣医 子犬 子猫 ウサギ
    """,
    "nature": """
        nature mountain forest river lake ocean hiking camping garden gardening flower flowers tree
        trees wildlife
        animal
        自然 山水 森林 河流 湖泊 海洋 徒步 露营 花园 园艺 花草 树木 动物 植物 爬山
        自然 山 森 川 湖 海 登山 キャンプ 庭 園芸 花 動物 植物 ハイキング
    """,
    "weather": """
        weather rain rainy snow sunny storm temperature forecast humid cloudy wind hurricane
        天气 下雨 下雪 晴天 暴风 气温 预报 台风 潮湿 多云
        天気 雨 雪 晴 嵐 気温 予報 台風 湿度 暑 寒 涼 梅雨
    """,
    "home": """
        house apartment rent landlord furniture kitchen bedroom cleaning laundry renovation neighbor
        roommate
        moving
        房子 公寓 租房 房东 家具 厨房 卧室 打扫 洗衣 装修 邻居 室友 搬家
        家賃 部屋 大家 家具 台所 寝室 掃除 洗濯 引越 隣人 マンション アパート リフォーム
    """,
    "law": """
        law legal lawyer attorney court lawsuit judge crime police copyright regulation license
        liability statute
        法律 律师 法院 诉讼 法官 犯罪 警察 版权 法规 许可 合法 起诉
        法律 弁護 裁判 訴訟 犯罪 警察 著作 規制 免許 違法 法令
    """,
    "politics": """
        politics political government president election vote senate congress parliament democracy
        minister policy
        party
        政治 政府 总统 选举 投票 国会 民主 部长 政策 议员
        政治 政府 大統 選挙 投票 国会 民主 大臣 政策 議員
    """,
    "history": """
        history historical ancient war empire dynasty century medieval revolution emperor
        archaeology
        历史 古代 战争 帝国 朝代 世纪 革命 皇帝 考古 故宫 文物
        歴史 古代 戦争 帝国 世紀 革命 天皇 考古 江戸 遺跡
    """,
    "religion": """
        religion religious god church bible prayer pray buddhism buddhist christian islam muslim
        temple faith
        spiritual
        宗教 上帝 教堂 圣经 祈祷 佛教 基督 寺庙 信仰
        宗教 神社 教会 聖書 祈 仏教 キリスト 寺 信仰
    """,
    "events": """
        birthday party anniversary festival celebration celebrate christmas holiday halloween
        ceremony invitation
        gift
        生日 聚会 纪念 节日 庆祝 圣诞 春节 典礼 邀请 礼物 中秋
        誕生 パーティー パーティ 記念 祭 祝 クリスマス 正月 招待 プレゼント 花火
    """,
}
"""The words of each label, separated by white space: English, then Chinese, then Japanese."""
